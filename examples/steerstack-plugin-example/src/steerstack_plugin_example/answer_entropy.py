"""A metric in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from steerstack.contracts import Measured, Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steerstack.steering.intervention import Plan
    from steerstack.trace.model import Model


class AnswerEntropy(Metric):
    """How sure the model is of one of two answers: the entropy (nats) of its choice.

    With p the probability of the exhibiting answer among the two, ``-p log p - (1-p) log (1-p)``:
    0 for a firm choice, log 2 for none. Source: Shannon 1948, eq. 4.
    """

    name = "answer-entropy"
    paper = "Shannon 1948"
    headline = "entropy"
    higher = "less sure"

    data: str = Field("power-seeking", description="Data file, or name of a shipped behaviour.")
    limit: int | None = Field(None, ge=1, description="Use only the first items.")

    def measure(
        self, model: Model, plans: Sequence[Plan], *, progress: Callable[[int], None] | None = None
    ) -> list[Measured]:
        """Score both answers' own words under every plan."""
        import numpy as np
        from scipy.special import entr, expit

        from steerstack import load_data
        from steerstack.measure.scoring import score_data

        items = load_data(self.data).limit(self.limit)
        arms = score_data(model, items, "text", list(plans), progress=progress)
        ids = tuple(item.id for item in items)
        about = {"mode": "text", "data_digest": items.digest}
        measurements = []
        for arm in arms:
            p = expit(np.asarray(arm.effect_scale))
            measurements.append(Measured(ids, {"entropy": entr(p) + entr(1 - p)}, about, edited=arm.edited_positions))
        return measurements
