"""A sweep: one vector at several layers and strengths, on the same items, beside nulls of the same norm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from steerstack.contracts.recorder import MAIN, Effect
from steerstack.data.items import DataSet
from steerstack.measure.competence import Competence
from steerstack.measure.steerability import Steerability, steerability
from steerstack.report.card import study_card
from steerstack.report.failures import of_effect
from steerstack.report.page import Page, Table, interval
from steerstack.report.samples import Samples, samples_section
from steerstack.report.words import sum_up
from steerstack.run.arms import ArmValues
from steerstack.stats import estimates
from steerstack.stats.comparisons import corrected, p_value
from steerstack.stats.estimates import Estimate
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claim, Claims
from steerstack.study.null_test import NEIGHBOR, NullTest
from steerstack.study.result import Result
from steerstack.study.sweep.arm import SweptArm, SweptNull
from steerstack.study.sweep.file_form import sweep_json
from steerstack.study.sweep.page import sweep_page
from steerstack.trace.model import Model
from steerstack.util.numbers import signed
from steerstack.util.text import markdown

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
    samples: Samples | None = None

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
        tests = corrected(raw)
        return [float(tests[str(p)]["p_corrected"]) if str(p) in tests else 1.0 for p in range(len(self.values))]

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
        count = sum(p < 0.05 for p in self.p_holm)
        best = max(range(len(self.values)), key=lambda place: abs(self.differences[place].value))
        layer, scale = self.study.places[best]
        parts = [
            f"{count} of {sum(scale != 0 for _, scale in self.study.places)} arms move {self.data.behavior} "
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
        return sum_up(parts, len(self.data))

    @cached_property
    def arms(self) -> list[SweptArm]:
        """The vector at every layer and strength, in the study's order."""
        parts = zip(self.study.places, self.values, self.differences, self.p_holm, self.costs, strict=True)
        return [
            SweptArm(
                layer, scale, values, estimates.mean(values.log_odds, groups=self.groups()), effect, p,
                Estimate.from_json(cost["kl_estimate"]),
            )
            for (layer, scale), values, effect, p, cost in parts
        ]  # fmt: skip

    @property
    def warning(self) -> str | None:
        """What the reader should know of how the model takes the items."""
        return self.competence.warning(self.study.score)

    @property
    def caution(self) -> str:
        """What so many looks at the same items ask for."""
        return f"{len(self.values)} arms were looked at: choose among them on validation items, report on others."

    def to_json(self) -> dict[str, object]:
        """The file form of ``sweep --json``."""
        return sweep_json(self)

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
    def edit(self) -> dict[str, object]:
        """The edit with its parameters."""
        edit = self.study.edit_method
        return {"edit": edit.name, **edit.parameters()} if edit else {"edit": self.vector.edit}

    @cached_property
    def beside(self) -> list[SweptNull]:
        """Nulls and vectors of other behaviours, each at every layer."""
        bare, strongest = self.unsteered.log_odds, self.study.strongest
        return [
            SweptNull(
                name, self.families.get(name, NEIGHBOR), layer, strongest,
                estimates.difference(values.log_odds, bare, groups=self.groups()),
            )
            for (name, layer), values in self.nulls.items()
        ]  # fmt: skip

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
            Effect.of(f"effect/layer {layer} scale {scale:g}", estimate.to_json())
            for (layer, scale), estimate in zip(self.study.places, self.differences, strict=True)
        ]
        return arms + [Effect.of(f"null/{n.null} layer {n.layer}", n.effect.to_json()) for n in self.beside]

    @property
    def card(self) -> str:
        """The vector's card, with what the sweep found."""
        return study_card(
            self.vector,
            ["## What it does", "", markdown(self.verdict), "", *samples_section(self.samples)],
            self._failures(),
        )

    def summary(self) -> Table:
        """Every arm with its cost, then every null."""
        columns = ("layer", "scale", "log-odds", "effect and 95 % interval", "p (Holm)", "KL per token")
        rows = [
            [str(arm.layer), f"{arm.scale:g}", signed(arm.estimate.value), interval(arm.effect), f"{arm.p_holm:.2g}",
             f"{arm.kl.value:.3f}"]
            for arm in self.arms
        ]  # fmt: skip
        nulls = [f"{n.null}, layer {n.layer}: {interval(n.effect)}" for n in self.beside]
        return Table(f"{self.behavior}, n = {len(self.data)}", columns, rows, "\n".join(nulls))

    @property
    def failures(self) -> dict[str, list[str]]:
        """Arms without effect, items that move against the sign, nulls that move as much."""
        return {MAIN: list(self._failures())}

    def _failures(self) -> Iterator[str]:
        for layer, of in self.steerability.items():
            if of.anti.value > 0:
                wrong, low, high = (f"{part:.0%}" for part in (of.anti.value, of.anti.ci_low, of.anti.ci_high))
                yield f"At layer {layer} it moves {wrong} of the items against the sign [{low}, {high}]"
        for arm in (arm for arm in self.arms if arm.scale):
            name = f"At layer {arm.layer} and strength {arm.scale:g}"
            if wrong := of_effect(name, arm.effect, 1.0 if arm.scale > 0 else -1.0):
                yield wrong
        if not self.null_test.claims:
            yield self.null_test.sentence

    def page(self) -> Page:
        """Dose and response, every arm, nulls."""
        return sweep_page(self)

    def rows(self) -> list[dict[str, object]]:
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
