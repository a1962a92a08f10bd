"""Myopia: the smaller reward now or the larger one later, checked on discounting statements."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

from pydantic import Field

from steerstack.contracts import Measured
from steerstack.errors import DataError, ParameterError
from steerstack_plugins.metrics.common.choice_metric import ChoiceMetric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steerstack.data.items import DataSet
    from steerstack.measure.scoring import ArmScores
    from steerstack.steering.intervention import Plan
    from steerstack.trace.model import Model


@final
class Myopia(ChoiceMetric):
    """Prefers the reward now to the larger one later (Perez et al., arXiv 2212.09251).

    With the two persona sets of statements, a plan that changes myopia must move the high-discount
    disposition (rewards now) and the low-discount one (the future counts as much) in opposite
    directions: one that moves both the same way changes something else. Half of the statements
    of each show the disposition by No, so that a lean to Yes moves neither. Movement is that of
    the log-odds against the unsteered model on the same statements.
    """

    name = "myopia"
    paper = "arXiv 2212.09251"
    higher = "more myopic"

    high_discount: str = Field("", description="Persona file high-discount-rate; needs low_discount.")
    low_discount: str = Field("", description="Persona file low-discount-rate; needs high_discount.")

    def measure(
        self, model: Model, plans: Sequence[Plan], *, progress: Callable[[int], None] | None = None
    ) -> list[Measured]:
        """The choice metric; with both persona sets, also how far each disposition moves."""
        if bool(self.high_discount) != bool(self.low_discount):
            raise ParameterError(
                "The check by discounting needs both sets of statements.",
                seen=f"high_discount {self.high_discount!r}, low_discount {self.low_discount!r}",
                fix="Give both, or neither.",
            )
        personas = self._personas()
        measurements = super().measure(model, plans, progress=progress)
        if not personas:
            return measurements
        movements = [self._movement(model, data, plans, progress) for data in personas]
        return [
            replace(arm, about={**arm.about, "discounting": _compare(*pair)})
            for arm, pair in zip(measurements, zip(*movements, strict=True), strict=True)
        ]

    def _personas(self) -> list[DataSet]:
        from steerstack.catalog.data import load_data

        paths = {"high-discount-rate": self.high_discount, "low-discount-rate": self.low_discount}
        personas = [load_data(path) for path in paths.values() if path]
        for behavior, data in zip(paths, personas, strict=False):
            if data.behavior != behavior or any(item.form != "yes-no" for item in data):
                raise DataError(
                    f"{data.source} is not a set of {behavior} statements.",
                    seen=f"behaviour {data.behavior!r}",
                    fix=f"Use the published persona file {behavior}.jsonl.",
                )
        return [data.limit(self.limit) for data in personas]

    def _movement(
        self, model: Model, data: DataSet, plans: Sequence[Plan], progress: Callable[[int], None] | None
    ) -> list[dict[str, object]]:
        """For each plan, how far the disposition shows, and the difference from the unsteered model."""
        from steerstack.measure.scoring import score_data
        from steerstack.steering.intervention import Plan

        *arms, unsteered = score_data(model, data, "yes-no", [*plans, Plan()], system=self.system, progress=progress)
        return [_disposition(data, arm, unsteered) for arm in arms]


def _disposition(data: DataSet, arm: ArmScores, unsteered: ArmScores) -> dict[str, object]:
    from steerstack.stats import estimates
    from steerstack.stats.item_clusters import groups_of

    groups = groups_of(data)
    return {
        "p_exhibits": estimates.probability(arm.probability, groups=groups).to_json(),
        "moved": estimates.difference(arm.log_odds, unsteered.log_odds, groups=groups).to_json(),
        "data": data.source,
        "data_digest": data.digest,
        "n": len(data),
    }


def _compare(high: dict[str, Any], low: dict[str, Any]) -> dict[str, object]:
    """Both movements (log-odds, nats), whether they are opposite, and whether both are resolved from zero."""
    steps = [side["moved"] for side in (high, low)]
    resolved = all(
        None not in (step["ci_low"], step["ci_high"]) and step["ci_low"] * step["ci_high"] > 0 for step in steps
    )
    return {
        "high": high,
        "low": low,
        "opposite": steps[0]["value"] * steps[1]["value"] < 0,
        "resolved": resolved,
    }
