"""Demonstrations drawn from the training items, the best draw of several by validation."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field

from steerstack.contracts import Baseline, Tuned
from steerstack.data.questions import ScoreMode, shots_of

if TYPE_CHECKING:
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


class DrawnShots(Baseline):
    """Training items with their exhibiting answers as earlier turns: the best of several draws; no training."""

    trains: ClassVar[bool] = False

    shots: int = Field(ge=1, description="Demonstrations; all training items where there are fewer.")
    draws: int = Field(3, ge=1, description="Number of draws that are tried.")
    mode: ScoreMode = Field("text", description="How demonstrations are asked and answered, and validation scored.")

    def with_choices(self, count: int) -> Self:
        """So many draws, unless their number was given."""
        return self if "draws" in self.model_fields_set else self.model_copy(update={"draws": count})

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Draw demonstrations from ``train`` (their order is the draw's), and choose among the draws."""
        from steerstack_plugins.baselines.common.prompt_search import Preface, choose_preface

        generator = random.Random(seed)
        size = min(self.shots, len(train))
        samples = [generator.sample(train.items, size) for _ in range(self.draws)]
        distinct = list({tuple(item.id for item in items): items for items in samples}.values())
        form = model.format.manner.form
        candidates = [
            Preface({"items": [item.id for item in items]}, shots=shots_of(items, self.mode, form))
            for items in distinct
        ]
        return choose_preface(model, validation, self.mode, candidates, {"shots": size, "n_train": len(train)})
