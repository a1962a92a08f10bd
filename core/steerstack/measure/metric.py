"""A metric under a plan, beside the unsteered model on the same items."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steerstack.catalog.lookup import full_name
from steerstack.contracts import Measured, Metric
from steerstack.errors import StudyError
from steerstack.stats import estimates
from steerstack.stats.estimates import Estimate
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model


@dataclass(frozen=True)
class MetricResult:
    """One metric, item by item.

    Attributes
    ----------
    metric:
        What was measured.
    unsteered, steered:
        Without and with the plan; the same for an empty plan.
    """

    metric: Metric
    unsteered: Measured
    steered: Measured

    def estimate(self, name: str | None = None) -> Estimate:
        """Mean of one of the item-level values under the plan; of the headline for None."""
        return _level(self.steered.values[name or self.metric.headline], self.steered.groups)

    def effect(self, name: str | None = None) -> Estimate:
        """Paired difference from the unsteered model, over the items that both have a value for."""
        after, before = (arm.values[name or self.metric.headline] for arm in (self.steered, self.unsteered))
        differences, groups = _present(np.asarray(after, float) - np.asarray(before, float), self.steered.groups)
        return estimates.mean(differences, groups=groups)

    def to_json(self) -> dict[str, object]:
        """The file form of ``evaluate --metric``."""
        steered, headline = self.steered, self.metric.headline
        names = list(steered.values)
        return {
            "metric": full_name("metric", self.metric),
            "headline": headline,
            "higher": self.metric.higher,
            "parameters": self.metric.parameters(),
            "n": len(steered.ids),
            "n_missing": int(np.isnan(np.asarray(steered.values[headline], float)).sum()),
            "estimate": self.estimate().to_json(),
            "unsteered": _level(self.unsteered.values[headline], self.unsteered.groups).to_json(),
            "effect": self.effect().to_json(),
            "values": {
                name: {"estimate": self.estimate(name).to_json(), "effect": self.effect(name).to_json()}
                for name in names
            },
            "confounds": {name: estimates.finite(value) for name, value in steered.confounds.items()},
            "unsteered_confounds": {name: estimates.finite(value) for name, value in self.unsteered.confounds.items()},
            "about": dict(steered.about),
            "edited_positions": steered.edited,
            "items": [
                {"id": name, **{key: estimates.finite(float(steered.values[key][row])) for key in names}}
                for row, name in enumerate(steered.ids)
            ],
        }

    def frame(self) -> list[dict[str, object]]:
        """One row an item and value: item, value (its name), steered, unsteered."""
        return [
            {"item": item, "value": name, "steered": float(after), "unsteered": float(before)}
            for name, values in self.steered.values.items()
            for item, after, before in zip(self.steered.ids, values, self.unsteered.values[name], strict=True)
        ]


def _level(values: Any, groups: Sequence[int] | None) -> Estimate:
    """The mean of an arm's values; of outcomes that are 0 or 1 it is a share."""
    there, labels = _present(values, groups)
    outcomes = len(there) > 0 and bool(np.all((there == 0) | (there == 1)))
    return estimates.share(there, groups=labels) if outcomes else estimates.mean(there, groups=labels)


def _present(values: Any, groups: Sequence[int] | None) -> tuple[NDArray[np.float64], NDArray[np.intp] | None]:
    """The values that there are, with their clusters: an unparsable verdict counts as missing, never as 0."""
    array = np.asarray(values, dtype=np.float64)
    there = ~np.isnan(array)
    return array[there], None if groups is None else np.asarray(groups, dtype=np.intp)[there]


def measure(metric: Metric, model: Model, plan: Plan, *, progress: Callable[[int], None] | None = None) -> MetricResult:
    """Measure one metric with and without a plan, on the same items in one run.

    Raises
    ------
    StudyError
        The metric gave other items, or no headline.
    NothingEditedError
        The plan touched no position.
    """
    arms: Sequence[Plan] = [Plan(), plan] if len(plan) else [Plan()]
    results = metric.measure(model, arms, progress=progress)
    if len(results) != len(arms) or any(arm.ids != results[0].ids for arm in results):
        raise StudyError(
            f"The metric {metric.name!r} did not measure every arm on the same items.",
            seen=f"{len(results)} results for {len(arms)} arms",
            fix="Tell the metric's author.",
        )
    if metric.headline not in results[0].values:
        raise StudyError(
            f"The metric {metric.name!r} gave no {metric.headline!r}.",
            seen=", ".join(results[0].values) or "nothing",
            fix="Tell the metric's author.",
        )
    return MetricResult(metric, results[0], results[-1])
