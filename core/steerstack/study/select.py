"""Choose layer, strength and prompts on the validation split; the choice is part of the result."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from steerstack.applying import apply, edit_of
from steerstack.data import DataSet
from steerstack.intervention import Plan
from steerstack.study.matched import strength_at
from steerstack.study.measure import Arms, Costs, Measure
from steerstack.tokens import Tokens
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector

KL_BUDGET = 0.3
"""Mean KL per token (nats) on neutral text that a choice may cost, in either direction."""


def candidate_layers(n_layers: int, count: int = 6) -> list[int]:
    """Layers spread over the middle of the model, from a fifth to nine tenths of its depth."""
    return sorted({round(x) for x in np.linspace(0.2, 0.9, count) * (n_layers - 1)})


def candidate_scales(vector: SteeringVector, layer: int, norm: float, shares: Sequence[float]) -> list[float]:
    """Multipliers whose added norm is a given share of the residual stream's norm at the layer.

    For an edit that has strengths of its own (an ablation, say), those.
    """
    own = edit_of(vector).scales
    if own is not None:
        return list(own)
    return [round(share * norm / vector.norms[layer], 4) for share in shares]


@dataclass(frozen=True)
class Tried:
    """One layer and strength on validation.

    Attributes
    ----------
    layer, scale, share:
        Where, the multiplier, and its norm as a share of the residual stream's.
    plus, minus, unsteered:
        Mean log-odds with ``+scale``, ``-scale`` and without.
    kl:
        The larger KL per token of the two directions.
    """

    layer: int
    scale: float
    share: float
    plus: float
    minus: float
    unsteered: float
    kl: float

    @property
    def effect(self) -> float:
        """Half the way from ``-scale`` to ``+scale``: what one unit of strength does."""
        return (self.plus - self.minus) / 2


@dataclass(frozen=True)
class Chosen:
    """The choice and all that was tried for it; ``kl`` is the cost at which every strength was held, if any."""

    layer: int
    scale: float
    tried: tuple[Tried, ...]
    within_budget: bool
    prompts: dict[str, str] = field(default_factory=dict)
    prompts_tried: int = 0
    kl: float | None = None

    @property
    def rule(self) -> str:
        """By what it was chosen."""
        effect = "largest (log-odds at +scale minus at -scale) / 2"
        if self.kl is not None:
            return f"{effect} among strengths that cost {self.kl:g} nats of KL per token"
        return f"{effect} with KL per token of at most {KL_BUDGET}"

    def to_json(self) -> dict[str, Any]:
        """As the JSON results hold it."""
        return {
            "layer": self.layer,
            "scale": self.scale,
            "on": "validation",
            "choices_tried": len(self.tried),
            "rule": self.rule,
            "within_kl_budget": self.within_budget,
            "tried": [{**vars(t), "effect": t.effect} for t in self.tried],
            "prompts": self.prompts,
            "prompts_tried": self.prompts_tried,
        }


def choose_strength(
    measure: Measure,
    model: Model,
    data: DataSet,
    vector: SteeringVector,
    *,
    layers: Sequence[int],
    shares: Sequence[float],
    tokens: Tokens,
    norms: dict[int, float],
    kl: float | None = None,
    called: str = "",
) -> Chosen:
    """Choose layer and strength by their effect on validation, within the KL budget.

    If nothing stays within the budget, what costs least is taken, and that is said.

    Parameters
    ----------
    kl:
        Instead of ``shares``, one strength a layer: the one that costs this KL per token on neutral text.
    called:
        Of the vector, in progress messages.
    """
    grid = [
        (layer, scale, scale * vector.norms[layer] / norms[layer])
        for layer in layers
        for scale in (
            candidate_scales(vector, layer, norms[layer], shares)
            if kl is None
            else [_strength_at(measure, kl, model, vector, layer, tokens, norms)]
        )
    ]
    plans = [apply(vector, layer, sign * scale, tokens=tokens) for layer, scale, _ in grid for sign in (1, -1)]
    what = f"validation sweep{called}"
    found, costs = measure.together(
        model, [Arms(what, data, [Plan(), *plans]), Costs(f"{what}: cost on neutral text", plans)]
    )
    means = [float(values.log_odds.mean()) for values in found]
    tried = tuple(
        Tried(
            layer, scale, share, means[1 + 2 * i], means[2 + 2 * i], means[0],
            max(costs[2 * i]["kl"], costs[2 * i + 1]["kl"]),
        )
        for i, (layer, scale, share) in enumerate(grid)
    )  # fmt: skip
    affordable = [t for t in tried if kl is not None or t.kl <= KL_BUDGET]
    best = max(affordable, key=lambda t: t.effect) if affordable else min(tried, key=lambda t: t.kl)
    return Chosen(best.layer, best.scale, tried, bool(affordable), kl=kl)


def _strength_at(
    measure: Measure,
    kl: float,
    model: Model,
    vector: SteeringVector,
    layer: int,
    tokens: Tokens,
    norms: dict[int, float],
) -> float:
    """The strength that costs ``kl``; found once."""
    key = [model.fingerprint, vector.fingerprint, layer, kl, vars(tokens)]
    find = partial(strength_at, kl, model, vector, [layer], norms, tokens=tokens)
    return float(measure.ledger.once("calibration", key, find))


def choose_prompts(measure: Measure, model: Model, data: DataSet) -> tuple[dict[str, str], int]:
    """The system prompts that raise and lower the behaviour most on validation, and how many were tried."""
    chosen: dict[str, str] = {}
    for side, best in (("positive", max), ("negative", min)):
        prompts = getattr(data.prompts, side)
        asked = [Arms(f"validation: {side} prompts", data, [Plan()], system=prompt) for prompt in prompts]
        found = measure.together(model, asked)
        means = {prompt: float(arm.log_odds.mean()) for prompt, (arm,) in zip(prompts, found, strict=True)}
        if means:
            chosen[side] = best(means, key=lambda prompt: means[prompt])
    return chosen, len(data.prompts.positive) + len(data.prompts.negative)


__all__ = ["Chosen", "Tried", "candidate_layers", "choose_prompts", "choose_strength"]
