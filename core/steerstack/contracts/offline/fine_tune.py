"""Fine-tunes on given answers: baselines that train weights on what the items say."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, field_validator

from steerstack.contracts.baseline import Baseline
from steerstack.contracts.offline.train_with import (
    AblateInTraining,
    AddInTraining,
    PromptInTraining,
    SteerAfterTraining,
)

TrainWith = AddInTraining | AblateInTraining | PromptInTraining | SteerAfterTraining
"""Everything that may be in place while a fine-tune runs."""


class FineTune(Baseline):
    """Trains weights on the items' answers.

    ``train_with`` is in place in every training step, and neither on validation items nor in the model that comes out.
    The activations that it edits are counted, one a token and edit, and training ends with an error where they are more
    or fewer than the training tokens ask for; both counts stand in the record (``edited_rows``, ``training_tokens``).
    With ``kl-then-steer`` both are those of the benign texts.

    Attributes
    ----------
    unfit:
        Kinds of ``train_with`` that it does not take.
    """

    unfit: ClassVar[tuple[str, ...]] = ()

    train_with: TrainWith | None = Field(
        default=None,
        discriminator="kind",
        description="What is in place in training only: {kind: preventative, vector: FILE, layers: [14], scale: 1}, "
        '{kind: ablate, vector: FILE, layers: [14]}, {kind: inoculation, system: "..."} or '
        "{kind: kl-then-steer, vector: FILE, layers: [14], scale: -1, benign: TEXT_FILE}.",
    )

    @field_validator("train_with")
    @classmethod
    def _fits(cls, value: TrainWith | None) -> TrainWith | None:
        if value is not None and value.kind in cls.unfit:
            raise ValueError(f"{cls.name} does not take {value.kind}")
        return value

    @property
    def variant(self) -> str:
        """What it is trained with."""
        return self.train_with.kind if self.train_with else ""

    def with_choices(self, count: int) -> Self:
        """So many configurations, unless a learning rate, epochs or their number were given, or it has none."""
        settings = self.model_fields_set & {"learning_rate", "epochs", "choices"}
        if settings or "choices" not in type(self).model_fields:
            return self
        return self.model_copy(update={"choices": count})

    def parameters(self) -> dict[str, object]:
        """The value of every parameter; a vector by its fingerprint, and nothing of it where nothing is in place."""
        values = super().parameters()
        return values if self.train_with else {name: of for name, of in values.items() if name != "train_with"}
