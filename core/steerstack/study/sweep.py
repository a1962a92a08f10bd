"""A sweep: one vector at several layers and strengths, on the same items, beside nulls of the same norm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from steerstack.applying import apply
from steerstack.asking import ScoreMode
from steerstack.contracts import Edit
from steerstack.data import DataSet
from steerstack.events import MAIN
from steerstack.intervention import Plan
from steerstack.study import stats
from steerstack.study.claims import Claim, Claims
from steerstack.study.competence import Competence, check_competence
from steerstack.study.ledger import Ledger
from steerstack.study.measure import Advance, Announce, Arms, ArmValues, Costs, Measure
from steerstack.study.multiplicity import corrected, p_value
from steerstack.study.scoring import scale_name
from steerstack.study.steerability import Steerability, steerability
from steerstack.tokens import Tokens
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector
from steerstack.workers.crew import Crew


@dataclass(frozen=True)
class Sweep:
    """What a sweep tries.

    Attributes
    ----------
    layers, scales:
        Every layer with every multiplier.
    score:
        How items are scored.
    tokens:
        Which tokens are edited.
    edit:
        How the vector acts; None for the way its method asks for.
    """

    layers: tuple[int, ...]
    scales: tuple[float, ...]
    score: ScoreMode = "text"
    tokens: str = "response"
    edit: Edit | None = None

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON."""
        edit = {"edit": self.edit.name, **self.edit.parameters()} if self.edit else None
        return {**vars(self), "edit": edit}

    @property
    def arms(self) -> list[tuple[int, float]]:
        """(layer, scale) of each arm, in order."""
        return [(layer, scale) for layer in self.layers for scale in self.scales]

    @property
    def strongest(self) -> float:
        """The scale of the largest size, the positive one of two."""
        return max(self.scales, key=lambda scale: (abs(scale), scale))


@dataclass(frozen=True)
class SweepResult:
    """Every arm, beside the unsteered model and the nulls on the same items.

    Attributes
    ----------
    sweep, model, data, vector:
        What was swept.
    unsteered, values, kl:
        The bare model, and each arm with its KL per token.
    nulls:
        By name and layer, at the largest strength.
    competence:
        Whether the model answers by content.
    train:
        The items that the vector was found on, where the sweep's own data has them.
    """

    sweep: Sweep
    model: Model
    data: DataSet
    vector: SteeringVector
    unsteered: ArmValues
    values: Sequence[ArmValues]
    kl: Sequence[float]
    competence: Competence
    nulls: Mapping[tuple[str, int], ArmValues] = field(default_factory=dict)
    train: DataSet | None = None

    @cached_property
    def effects(self) -> list[stats.Estimate]:
        """Effect of each arm, paired."""
        return [stats.difference(values.log_odds, self.unsteered.log_odds) for values in self.values]

    @cached_property
    def p_holm(self) -> list[float]:
        """P of each arm's effect, corrected over the arms (Holm); 1 for the arms that edit nothing."""
        raw = {
            str(place): p_value(values.log_odds - self.unsteered.log_odds)
            for place, ((_, scale), values) in enumerate(zip(self.sweep.arms, self.values, strict=True))
            if scale
        }
        found = corrected(raw)
        return [float(found[str(p)]["p_corrected"]) if str(p) in found else 1.0 for p in range(len(self.values))]

    @cached_property
    def steerability(self) -> dict[int, Steerability]:
        """How the items answer to the strength at each layer; empty for a single strength."""
        if len(set(self.sweep.scales)) < 2:
            return {}
        table = np.array([values.log_odds for values in self.values]).reshape(
            len(self.sweep.layers), -1, len(self.data)
        )
        return {at: steerability(self.sweep.scales, rows) for at, rows in zip(self.sweep.layers, table, strict=True)}

    def verdict(self) -> str:
        """The answer in words."""
        held = sum(p < 0.05 for p in self.p_holm)
        best = max(range(len(self.values)), key=lambda place: abs(self.effects[place].value))
        layer, scale = self.sweep.arms[best]
        parts = [
            f"{held} of {sum(scale != 0 for _, scale in self.sweep.arms)} arms move {self.data.behavior} (Holm, 5 %). "
            f"The largest effect is {self.effects[best]} at layer {layer}, scale {scale:g} (n = {len(self.data)}), "
            "the largest of all tried on these items: not an estimate for new ones."
        ]
        sizes = [abs(float(np.mean(v.log_odds - self.unsteered.log_odds))) for v in self.nulls.values()]
        if sizes:
            beaten = sum(size < abs(self.effects[best].value) for size in sizes)
            parts.append(f"It moves more than {beaten} of {len(sizes)} nulls at the strength {self.sweep.strongest:g}.")
        if layer in self.steerability:
            of = self.steerability[layer]
            parts.append(
                f"There an item moves by {of.mean} a unit of strength, {of.anti.value:.0%} of items against the sign."
            )
        return " ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """The file form of ``sweep --json``."""
        places = zip(self.sweep.arms, self.values, self.kl, self.effects, self.p_holm, strict=True)
        arms = [
            {
                "layer": layer,
                "scale": scale,
                "estimate": stats.mean(values.log_odds).to_json(),
                "effect": effect.to_json(),
                "p_holm": p,
                "probability": stats.mean(values.probability).to_json(),
                "kl": kl,
                "norm": abs(scale) * self.vector.norms[layer],
                "edited_positions": values.edited,
            }
            for (layer, scale), values, kl, effect, p in places
        ]
        ids = [item.id for item in self.data]
        by_item = zip(ids, *(values.log_odds.tolist() for values in self.values), strict=True)
        return {
            "study": "sweep",
            "behavior": self.data.behavior,
            "score": self.sweep.score,
            "scale": scale_name(self.sweep.score),
            "tokens": self.sweep.tokens,
            "edit": self.sweep.describe()["edit"] or {"edit": self.vector.edit},
            "n": len(ids),
            "unsteered": stats.mean(self.unsteered.log_odds).to_json(),
            "arms": arms,
            "nulls": self._nulls_json(),
            "steerability": {str(layer): _summary(of) for layer, of in self.steerability.items()},
            "items": {name: list(values) for name, *values in by_item},
            "competence": self.competence.to_json(),
            "warning": self.competence.warning(self.sweep.score),
            "caution": f"{len(arms)} arms were looked at: choose among them on validation items, report on others.",
            "data": self.data.source,
            "data_digest": self.data.digest,
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "vector_fingerprint": self.vector.fingerprint,
            "verdict": self.verdict(),
        }

    def _nulls_json(self) -> list[dict[str, Any]]:
        return [
            {
                "null": name,
                "layer": layer,
                "scale": self.sweep.strongest,
                "effect": stats.difference(values.log_odds, self.unsteered.log_odds).to_json(),
            }
            for (name, layer), values in self.nulls.items()
        ]

    @property
    def vectors(self) -> dict[str, SteeringVector]:
        """The vector that was swept."""
        return {MAIN: self.vector}

    @property
    def claims(self) -> Claims:
        """Every arm."""
        sweep = self.sweep
        applied: dict[str, Any] = {"vector": self.vector, "tokens": sweep.tokens, "edit": sweep.edit}
        arms = [
            Claim({"vector": "vector", "layer": layer, "scale": scale}, layers=(layer,), scale=scale, **applied)
            for layer, scale in sweep.arms
        ]
        return Claims({"test": self.data}, {"train": self.train} if self.train else {}, arms=arms, score=sweep.score)

    def frame(self) -> list[dict[str, Any]]:
        """One row an item and arm: vector (or the null's name), layer, scale, item, log-odds, probability, effect."""
        named = [("vector", layer, scale, v) for (layer, scale), v in zip(self.sweep.arms, self.values, strict=True)]
        named += [(name, layer, self.sweep.strongest, values) for (name, layer), values in self.nulls.items()]
        return [
            {"vector": name, "layer": layer, "scale": scale, "item": item.id, "log_odds": odds, "probability": p,
             "effect": odds - bare}
            for name, layer, scale, values in named
            for item, odds, p, bare in zip(
                self.data, values.log_odds.tolist(), values.probability.tolist(), self.unsteered.log_odds.tolist(),
                strict=True,
            )
        ]  # fmt: skip


def _summary(of: Steerability) -> dict[str, Any]:
    """A layer's steerability without the items' own slopes, which the items' values give."""
    whole = of.to_json()
    return {key: whole[key] for key in ("mean_slope", "anti_steerable", "fit")}


def run_sweep(
    sweep: Sweep,
    model: Model,
    data: DataSet,
    vector: SteeringVector,
    *,
    folder: Path,
    crew: Crew | None = None,
    nulls: Mapping[str, SteeringVector] | None = None,
    advance: Advance = lambda _what, _done: None,
    announce: Announce = lambda _what, _total, _done: None,
) -> SweepResult:
    """Run a sweep, or go on with one that was stopped.

    Parameters
    ----------
    sweep, model, data, vector:
        What is swept.
    folder:
        Where finished steps are kept; the same folder resumes.
    crew:
        Workers that measure; None to do it here.
    nulls:
        Vectors that know nothing of the behaviour, with the vector's norms; each is measured at every
        layer at the largest strength.
    advance, announce:
        Progress: what is done, and what is going to be done.

    Raises
    ------
    SiteError
        A layer that the vector or the model does not have.
    """
    measure = Measure(sweep.score, Ledger(folder, crew), advance, announce)
    tokens = Tokens.parse(sweep.tokens)
    plans = [apply(vector, layer, scale, tokens=tokens, edit=sweep.edit) for layer, scale in sweep.arms]
    places = [(name, layer) for name in nulls or {} for layer in sweep.layers]
    empty = [
        apply((nulls or {})[name], layer, sweep.strongest, tokens=tokens, edit=sweep.edit) for name, layer in places
    ]
    found, costs = measure.together(
        model, [Arms("sweep", data, [Plan(), *plans, *empty]), Costs("cost on neutral text", plans)]
    )
    competence = check_competence(model, data)
    arms, rest = found[1 : 1 + len(plans)], found[1 + len(plans) :]
    kl = [cost["kl"] for cost in costs]
    return SweepResult(sweep, model, data, vector, found[0], arms, kl, competence, dict(zip(places, rest, strict=True)))
