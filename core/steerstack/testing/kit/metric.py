"""What every metric has to do, on a tiny model."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch

from steerstack.contracts import Measured, Metric
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.testing.kit.contract import check, require
from steerstack.testing.kit.method import MethodContract
from steerstack.testing.planted import planted_direction, planted_model

CLOSE = 1e-3
"""Largest difference between values that are to be the same but for rounding."""


class MetricContract(MethodContract):
    """Checks of a metric: ``class TestMine(MetricContract): metric = Mine(limit=6)``.

    Attributes
    ----------
    metric:
        The metric, with parameters that make it quick.
    may_be_nan:
        Names of item-level values that may be NaN (an unparsable answer, say).
    tokens:
        Positions that the steered arms edit.
    """

    metric: ClassVar[Metric]
    may_be_nan: ClassVar[frozenset[str]] = frozenset()
    tokens: ClassVar[Tokens] = Tokens("all")

    @property
    def subject(self) -> Metric:
        """The metric."""
        return self.metric

    @property
    def model(self) -> Any:
        """The model that is measured; override it where a tiny one will not do."""
        return planted_model()

    def steer(self, scale: float) -> Plan:
        """An addition in the middle of the model."""
        site = Site("resid_post", self.model.n_layers // 2)
        return Plan((Add(site, planted_direction("resid_post", 0, self.model.d_model), scale, selection=self.tokens),))

    def measured(self, *plans: Plan) -> list[Measured]:
        """Measure some arms."""
        torch.manual_seed(0)
        results = self.metric.measure(self.model, plans)
        require(
            len(results) == len(plans), "There is not one result for each plan.", seen=f"{len(results)} of {len(plans)}"
        )
        return results

    @check
    def test_items_are_those_of_every_arm(self) -> None:
        """Every arm has the same items in the same order, each once, and one value of each kind for each."""
        arms = self.measured(Plan(), self.steer(2.0))
        ids = arms[0].ids
        require(0 < len(ids) == len(set(ids)), "Items are missing or called the same.", seen=f"{len(ids)} items")
        for arm in arms:
            require(arm.ids == ids, "Two arms have other items, or another order.")
            require(set(arm.values) == set(arms[0].values), "Two arms have other values.", seen=sorted(arm.values))
            sizes = {name: len(values) for name, values in arm.values.items()}
            require(set(sizes.values()) == {len(ids)}, f"Not one value for each of {len(ids)} items.", seen=sizes)

    @check
    def test_headline(self) -> None:
        """The headline is one of the values, and ``higher`` says what more of it means."""
        names = sorted(self.measured(Plan())[0].values)
        require(self.metric.headline in names, f"There is no value {self.metric.headline!r}.", seen=names)
        require(bool(self.metric.higher.strip()), "`higher` is empty.", fix="Say what a higher value means.")

    @check
    def test_finite(self) -> None:
        """Values are finite, or NaN where that is declared."""
        for arm in self.measured(Plan(), self.steer(2.0)):
            for name, values in arm.values.items():
                odd = int(np.isinf(values).sum() + (0 if name in self.may_be_nan else np.isnan(values).sum()))
                require(odd == 0, f"{odd} values of {name!r} are not finite.", fix="Declare NaN in may_be_nan.")
            require(all(map(math.isfinite, arm.confounds.values())), "A confound is not finite.", seen=arm.confounds)

    @check
    def test_scale_zero_is_unsteered(self) -> None:
        """An edit that changes nothing measures as no edit at all."""
        plain, zero = self.measured(Plan(), self.steer(0.0))
        _require_same(plain, zero, "An addition of scale 0 does not measure as the unsteered model.")

    @check
    def test_arms_are_independent(self) -> None:
        """What an arm measures does not depend on which others are measured with it, nor on their order."""
        alone = [self.measured(plan)[0] for plan in (Plan(), self.steer(2.0))]
        together = self.measured(self.steer(2.0), Plan())[::-1]
        for one, other in zip(alone, together, strict=True):
            _require_same(one, other, "An arm measures otherwise beside another arm than alone.")

    @check
    def test_repeats(self) -> None:
        """The same twice, whatever the global random state."""
        one = self.measured(self.steer(2.0))[0]
        torch.manual_seed(1)
        _require_same(
            one, self.metric.measure(self.model, [self.steer(2.0)])[0], "Measured twice, it gives two results."
        )

    @check
    def test_edited_positions_are_counted(self) -> None:
        """The unsteered arm edits nothing, a steered one something."""
        plain, steered = (arm.edited for arm in self.measured(Plan(), self.steer(2.0)))
        require(plain == 0 < steered, "Edited positions are not counted.", seen=f"unsteered {plain}, steered {steered}")

    @check
    def test_record_is_json(self) -> None:
        """How it was measured can be kept as JSON."""
        json.dumps(dict(self.measured(Plan())[0].about))

    @check
    def test_model_untouched(self) -> None:
        """The model's weights stay as they are."""
        before = {name: tensor.clone() for name, tensor in self.model.module.state_dict().items()}
        self.measured(self.steer(2.0))
        changed = [n for n, tensor in self.model.module.state_dict().items() if not torch.equal(tensor, before[n])]
        require(not changed, "The model's weights were changed.", seen=changed[:3])


def _require_same(one: Measured, other: Measured, happened: str) -> None:
    def gaps(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, float]:
        return {
            name: float(np.nanmax(np.abs(np.asarray(a[name]) - np.asarray(b[name])), initial=0.0))
            if np.array_equal(np.isnan(a[name]), np.isnan(b[name]))
            else math.inf
            for name in a
        }

    require(one.ids == other.ids, happened, seen="other items")
    differences = gaps(one.values, other.values)
    require(all(gap < CLOSE for gap in differences.values()), happened, seen=f"largest differences {differences}")
