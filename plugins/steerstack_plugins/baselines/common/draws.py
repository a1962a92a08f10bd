"""Demonstrations drawn from the training items, the best draw of several by validation."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steerstack.contracts import Tuned
    from steerstack.data.items import DataSet
    from steerstack.data.questions import ScoreMode
    from steerstack.trace.model import Model


def best_draw(
    model: Model, train: DataSet, validation: DataSet, mode: ScoreMode, *, shots: int, draws: int, seed: int
) -> Tuned:
    """The best of so many draws of so many items (all where there are fewer), in the order of the draw."""
    from steerstack.data.questions import shots_of
    from steerstack_plugins.baselines.common.prompt_search import Preface, choose_preface

    drawing = random.Random(seed)
    size = min(shots, len(train))
    drawn = [drawing.sample(train.items, size) for _ in range(draws)]
    distinct = list({tuple(item.id for item in items): items for items in drawn}.values())
    candidates = [
        Preface({"items": [item.id for item in items]}, shots=shots_of(items, mode, model.format.manner.form))
        for items in distinct
    ]
    return choose_preface(model, validation, mode, candidates, {"shots": size, "n_train": len(train)})
