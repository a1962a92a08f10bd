"""A weak model's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from steerstack.contracts import Labeller
from steerstack.data.questions import ScoreMode

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


class WeakModel(Labeller):
    """Labels by the answer that a weak model finds likelier, wrong first where it is surest of the wrong one.

    Weak supervision as in Burns et al., arXiv 2312.09390, section 3, with a model that was not trained for the task.
    The share of items that it gets wrong is its own: a larger share of wrong labels cannot be had from it.
    """

    name = "weak-model"
    paper = "arXiv 2312.09390"

    model: str | None = Field(
        None, description="Folder, Hugging Face id, or 'smollm2'; the model that is studied by default."
    )
    mode: ScoreMode = Field("text", description="How it is asked: text, letter or yes-no.")

    def readiness(self, data: DataSet, model: Model) -> Float[ndarray, " n"]:
        """Its log-odds for the wrong answer, in nats (per token for text), where they are above zero."""
        import numpy as np

        from steerstack.techniques.labels.hardness import hardness
        from steerstack.trace.open import open_model

        doubts = hardness(model if self.model is None else open_model(self.model), data, "margin", self.mode)
        return np.where(doubts > 0, doubts, -np.inf)
