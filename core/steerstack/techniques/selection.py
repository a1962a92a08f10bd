"""What is tried for a vector on validation items, and what was chosen: one rule for every study, in the result.

The rule is the one by which prompts and fine-tunes are chosen too: the largest mean log-odds on validation items.
A vector's candidates may cost at most :data:`KL_BUDGET` on neutral text; where none is that cheap, the cheapest is
taken, and that is said. Of many candidates only those are measured that promise most to first order: see
:mod:`steerstack.techniques.search`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from steerstack.contracts import Extractor
from steerstack.measure.residual_norms import residual_norms
from steerstack.stats.estimate import Estimate
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply_all, edit_of
from steerstack.techniques.strength_at_kl import strength_at
from steerstack.trace.model import Model

CRITERION = "largest mean log-odds on validation items"
"""By what every technique is chosen."""

FEW = 2
"""Candidates that are measured at once, where first-order effects say which ones promise most."""

KL_BUDGET = 0.3
"""Mean KL per token (nats) on neutral text that a choice may cost."""

SHARES = (0.1, 0.2, 0.4)
"""Candidate strengths where none are given: added norm as a share of the residual stream's."""

LAYERS = 6
"""Number of candidate layers where none are given."""


def candidate_layers(n_layers: int, count: int = LAYERS) -> list[int]:
    """Layers spread over the middle of the model, from a fifth to nine tenths of its depth."""
    return sorted({round(x) for x in np.linspace(0.2, 0.9, count) * (n_layers - 1)})


@dataclass(frozen=True)
class Candidate:
    """Layers that are edited at once, the multiplier, and its norm there as a share of the residual stream's."""

    layers: tuple[int, ...]
    scale: float
    share: float

    def plan(self, vector: SteeringVector, tokens: Tokens) -> Plan:
        """The vector applied so."""
        return apply_all(vector, self.layers, self.scale, tokens=tokens)


@dataclass(frozen=True)
class Candidates:
    """What is tried for a vector.

    Attributes
    ----------
    layers:
        Candidate layers; None for :data:`LAYERS` of them over the middle of the model.
    shares:
        Candidate strengths, where the edit or the method has none of its own.
    kl:
        Instead of them, one strength a layer: the one that costs this KL per token on neutral text.
    tokens:
        Which tokens are edited.
    """

    layers: tuple[int, ...] | None = None
    shares: tuple[float, ...] = SHARES
    kl: float | None = None
    tokens: Tokens = field(default=Tokens("response"))

    def count(self, model: Model) -> int:
        """How many candidates a vector has, unless its edit or method has strengths of its own."""
        layers = self.layers or candidate_layers(model.n_layers)
        return len(layers) * (1 if self.kl is not None else len(self.shares))

    def of(
        self,
        model: Model,
        vector: SteeringVector,
        method: Extractor | None = None,
        *,
        keep: Callable[[int, Callable[[], float]], float] = lambda _layer, find: find(),
    ) -> list[Candidate]:
        """The candidates of a vector on a model, layer by layer.

        Parameters
        ----------
        method:
            The vector's method, which may act at all its layers at once or have strengths of its own.
        keep:
            Given a layer and a function that finds its strength at the KL, gives that strength: from where it
            is kept, or by the function.
        """
        if method is not None and method.at_once:
            return [Candidate(vector.layers, scale, 0.0) for scale in method.scales or (1.0,)]
        wanted: Sequence[int] = self.layers or candidate_layers(model.n_layers)
        layers = [layer for layer in wanted if layer in vector.directions] or list(vector.layers)
        norms = residual_norms(model)

        def scales(layer: int) -> Sequence[float]:
            if self.kl is not None:
                find = partial(strength_at, self.kl, model, vector, [layer], norms, tokens=self.tokens)
                return [keep(layer, find)]
            own = method.scales if method is not None and method.scales else edit_of(vector).scales
            if own is not None:
                return list(own)
            return [round(share * norms[layer] / vector.norms[layer], 4) for share in self.shares]

        return [
            Candidate((layer,), scale, scale * vector.norms[layer] / norms[layer])
            for layer in layers
            for scale in scales(layer)
        ]


@dataclass(frozen=True)
class Tried:
    """A candidate on validation items.

    Attributes
    ----------
    candidate:
        What was tried.
    log_odds:
        Mean over the items; None where there were none to choose by.
    kl:
        What it costs per token on neutral text; None where that was not needed for the choice.
    promise:
        Its effect on the same scale to first order; None where that was not needed for the choice.
    effect:
        Its effect on the same items beside the model without it, paired; None where it was not measured.
    """

    candidate: Candidate
    log_odds: float | None
    kl: float | None = None
    promise: float | None = None
    effect: Estimate | None = None

    def to_json(self) -> dict[str, object]:
        """As results hold it."""
        candidate = self.candidate
        where = {"layers": list(candidate.layers), "layer": candidate.layers[0], "scale": candidate.scale}
        values = {"log_odds": self.log_odds, "kl": self.kl, "promise": self.promise}
        return {**where, "share": candidate.share, **values, "effect": self.effect and self.effect.to_json()}


@dataclass(frozen=True)
class Choice:
    """The candidate that was chosen, and all that were tried for it.

    Attributes
    ----------
    candidate:
        What was chosen.
    tried:
        Every candidate in the order of trial.
    within_budget:
        Whether it costs at most :data:`KL_BUDGET`; always so at a KL of one's own.
    kl:
        The cost at which every strength was held, if any.
    """

    candidate: Candidate
    tried: tuple[Tried, ...]
    within_budget: bool
    kl: float | None = None

    def __repr__(self) -> str:
        budget = "" if self.within_budget else ", beyond the KL budget"
        return f"<Choice: layer {self.layer}, scale {self.scale:g}, of {len(self.tried)} tried{budget}>"

    @property
    def layer(self) -> int:
        """The first of the layers that are edited."""
        return self.candidate.layers[0]

    @property
    def scale(self) -> float:
        """The multiplier."""
        return self.candidate.scale

    @property
    def rule(self) -> str:
        """By what it was chosen."""
        if all(tried.log_odds is None for tried in self.tried):
            return "the middle layer and the smallest strength, since there are no validation items"
        largest = f"the {CRITERION}"
        if any(tried.log_odds is None for tried in self.tried):
            largest += f", measured for the {FEW} at a time that promise most to first order,"
        if self.kl is not None:
            return f"{largest} among strengths that cost {self.kl:g} nats of KL per token"
        return f"{largest} among strengths that cost at most {KL_BUDGET} nats of KL per token"

    def to_json(self) -> dict[str, object]:
        """As results hold it."""
        return {
            "layer": self.layer,
            "layers": list(self.candidate.layers),
            "scale": self.scale,
            "on": "validation",
            "choices_tried": len(self.tried),
            "criterion": CRITERION,
            "rule": self.rule,
            "within_kl_budget": self.within_budget,
            "tried": [tried.to_json() for tried in self.tried],
        }
