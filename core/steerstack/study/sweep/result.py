"""A sweep: one vector at several layers and strengths, on the same items, beside nulls of the same norm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from steerstack.contracts.recorder import MAIN, Effect
from steerstack.data.items import DataSet
from steerstack.measure.competence import Competence
from steerstack.measure.scoring import scale_name
from steerstack.measure.steerability import Steerability, steerability
from steerstack.report.card import sweep_card
from steerstack.report.page import Page, Table, interval
from steerstack.report.words import caveat
from steerstack.run.arms import ArmValues
from steerstack.stats import estimates
from steerstack.stats.comparisons import corrected, p_value
from steerstack.stats.estimates import Estimate
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claim, Claims
from steerstack.study.null_test import NEIGHBOR, NullTest
from steerstack.study.result import Result
from steerstack.study.sweep.page import sweep_page
from steerstack.trace.model import Model
from steerstack.util.numbers import signed

if TYPE_CHECKING:
    from steerstack.study.sweep.study import Sweep


@dataclass(frozen=True, repr=False)
class SweepResult(Result):
    """Every arm, beside the unsteered model and the nulls on the same items.

    Attributes
    ----------
    study, model, data, vector:
        What was swept.
    unsteered, values, costs:
        The bare model, and each arm with what it costs on neutral text.
    nulls:
        Nulls and vectors of other behaviours, by name and layer, at the largest strength.
    families:
        The family of each null by its name; vectors of other behaviours have none.
    competence:
        Whether the model answers by content.
    train:
        The items that the vector was found on, where the sweep's own data has them.
    samples:
        What the model says to the first items, unsteered and steered; empty where nothing steers.
    """

    study: Sweep
    model: Model
    data: DataSet
    vector: SteeringVector
    unsteered: ArmValues
    values: Sequence[ArmValues]
    costs: Sequence[Mapping[str, Any]]
    competence: Competence
    nulls: Mapping[tuple[str, int], ArmValues] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)
    train: DataSet | None = None
    samples: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def differences(self) -> list[Estimate]:
        """Effect of each arm, paired."""
        return [
            estimates.difference(values.log_odds, self.unsteered.log_odds, groups=self.groups())
            for values in self.values
        ]

    @cached_property
    def p_holm(self) -> list[float]:
        """P of each arm's effect, corrected over the arms (Holm); 1 for the arms that edit nothing."""
        raw = {
            str(place): p_value(values.log_odds - self.unsteered.log_odds, groups=self.groups())
            for place, ((_, scale), values) in enumerate(zip(self.study.places, self.values, strict=True))
            if scale
        }
        found = corrected(raw)
        return [float(found[str(p)]["p_corrected"]) if str(p) in found else 1.0 for p in range(len(self.values))]

    @cached_property
    def steerability(self) -> dict[int, Steerability]:
        """How the items answer to the strength at each layer; empty for a single strength."""
        if len(set(self.study.scales)) < 2:
            return {}
        table = np.array([values.log_odds for values in self.values]).reshape(
            len(self.study.layers), -1, len(self.data)
        )
        return {
            at: steerability(self.study.scales, rows, groups=self.groups())
            for at, rows in zip(self.study.layers, table, strict=True)
        }

    @property
    def verdict(self) -> str:
        """The answer in words."""
        held = sum(p < 0.05 for p in self.p_holm)
        best = max(range(len(self.values)), key=lambda place: abs(self.differences[place].value))
        layer, scale = self.study.places[best]
        parts = [
            f"{held} of {sum(scale != 0 for _, scale in self.study.places)} arms move {self.data.behavior} "
            "(Holm, 5 %). "
            f"The largest effect is {self.differences[best]} at layer {layer}, scale {scale:g} "
            f"(n = {len(self.data)}), "
            "the largest of all tried on these items: not an estimate for new ones."
        ]
        parts.append(self.null_test.sentence)
        if layer in self.steerability:
            of = self.steerability[layer]
            parts.append(
                f"There an item moves by {of.mean} a unit of strength, {of.anti.value:.0%} of items against the sign."
            )
        parts.append(caveat(len(self.data)))
        return " ".join(part for part in parts if part)

    def to_json(self) -> dict[str, Any]:
        """The file form of ``sweep --json``."""
        places = zip(self.study.places, self.values, self.costs, self.differences, self.p_holm, strict=True)
        arms = [
            {
                "layer": layer,
                "scale": scale,
                "estimate": estimates.mean(values.log_odds, groups=self.groups()).to_json(),
                "effect": effect.to_json(),
                "p_holm": p,
                "probability": estimates.probability(values.probability, groups=self.groups()).to_json(),
                "kl": cost["kl"],
                "kl_estimate": cost["kl_estimate"],
                "norm": abs(scale) * self.vector.norms[layer],
                "edited_positions": values.edited,
            }
            for (layer, scale), values, cost, effect, p in places
        ]
        ids = [item.id for item in self.data]
        by_item = zip(ids, *(values.log_odds.tolist() for values in self.values), strict=True)
        return {
            "study": "sweep",
            "behavior": self.data.behavior,
            "score": self.study.score,
            "scale": scale_name(self.study.score),
            "tokens": self.study.tokens,
            "edit": self._edit,
            "n": len(ids),
            "unsteered": estimates.mean(self.unsteered.log_odds, groups=self.groups()).to_json(),
            "clusters": self.clusters_json,
            "arms": arms,
            "nulls": [one for one in self._nulls_json() if one["family"] != NEIGHBOR],
            "neighbors": [one for one in self._nulls_json() if one["family"] == NEIGHBOR],
            "null_p": self.null_test.p,
            "null_test": self.null_test.to_json(),
            "steerability": {str(layer): _summary(of) for layer, of in self.steerability.items()},
            "items": {name: list(values) for name, *values in by_item},
            "competence": self.competence.to_json(),
            "warning": self.competence.warning(self.study.score),
            "caution": f"{len(arms)} arms were looked at: choose among them on validation items, report on others.",
            "data": self.data.source,
            "data_digest": self.data.digest,
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "paths": self.model.paths_taken,
            "vector_fingerprint": self.vector.fingerprint,
            "samples": self.samples,
            "verdict": self.verdict,
        }

    @cached_property
    def null_test(self) -> NullTest:
        """The vector beside its nulls: of each the largest effect over the layers at the largest strength."""

        def largest(arms: Iterable[ArmValues]) -> float:
            return max(abs(float(np.mean(arm.log_odds - self.unsteered.log_odds))) for arm in arms)

        at_strongest = [
            values
            for (_, scale), values in zip(self.study.places, self.values, strict=True)
            if scale == self.study.strongest
        ]
        sizes: dict[str, list[float]] = {}
        for name, family in self.families.items():
            sizes.setdefault(family, []).append(largest(self.nulls[name, layer] for layer in self.study.layers))
        return NullTest(largest(at_strongest), sizes)

    @property
    def _edit(self) -> dict[str, Any]:
        edit = self.study.edit_method
        return {"edit": edit.name, **edit.parameters()} if edit else {"edit": self.vector.edit}

    def _nulls_json(self) -> list[dict[str, Any]]:
        return [
            {
                "null": name,
                "family": self.families.get(name, NEIGHBOR),
                "layer": layer,
                "scale": self.study.strongest,
                "effect": estimates.difference(
                    values.log_odds, self.unsteered.log_odds, groups=self.groups()
                ).to_json(),
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
        sweep = self.study
        applied: dict[str, Any] = {"vector": self.vector, "tokens": sweep.tokens, "edit": sweep.edit_method}
        arms = [
            Claim({"vector": "vector", "layer": layer, "scale": scale}, layers=(layer,), scale=scale, **applied)
            for layer, scale in sweep.places
        ]
        return Claims(self.tested, {"train": self.train} if self.train else {}, arms=arms, score=sweep.score)

    @property
    def tested(self) -> dict[str, DataSet]:
        """All items: a sweep has no locked part."""
        return {"test": self.data}

    @property
    def part(self) -> str:
        """All of the data."""
        return "all"

    @property
    def effects(self) -> list[Effect]:
        """Every arm, then every null."""
        arms = [
            Effect.of(f"effect/layer {layer} scale {scale:g}", found.to_json())
            for (layer, scale), found in zip(self.study.places, self.differences, strict=True)
        ]
        return arms + [Effect.of(f"null/{n['null']} layer {n['layer']}", n["effect"]) for n in self._nulls_json()]

    @property
    def card(self) -> str:
        """The vector's card, with what the sweep found."""
        return sweep_card(self.vector, self.value)

    def summary(self) -> Table:
        """Every arm with its cost, then every null."""
        columns = ("layer", "scale", "log-odds", "effect and 95 % interval", "p (Holm)", "KL per token")
        rows = [
            [
                str(layer),
                f"{scale:g}",
                signed(float(values.log_odds.mean())),
                interval(effect.to_json()),
                f"{p:.2g}",
                f"{cost['kl']:.3f}",
            ]
            for (layer, scale), values, effect, p, cost in zip(
                self.study.places, self.values, self.differences, self.p_holm, self.costs, strict=True
            )
        ]
        nulls = [f"{n['null']}, layer {n['layer']}: {interval(n['effect'])}" for n in self._nulls_json()]
        return Table(f"{self.behavior}, n = {len(self.data)}", columns, rows, "\n".join(nulls))

    def page(self) -> Page:
        """Dose and response, every arm, nulls."""
        return sweep_page(self.value, self.study.to_yaml(), [])

    def rows(self) -> list[dict[str, Any]]:
        """One row an item and arm: vector (or the null's name), layer, scale, item, log-odds, probability, effect."""
        named = [("vector", layer, scale, v) for (layer, scale), v in zip(self.study.places, self.values, strict=True)]
        named += [(name, layer, self.study.strongest, values) for (name, layer), values in self.nulls.items()]
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
