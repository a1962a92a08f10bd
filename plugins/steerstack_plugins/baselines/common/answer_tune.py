"""What fine-tunes on the answers of items are asked for alike."""

from __future__ import annotations

from pydantic import Field

from steerstack.contracts import FineTune
from steerstack.data.questions import ScoreMode


class AnswerTune(FineTune):
    """How long and in what steps it trains, and by what it is chosen."""

    learning_rate: float = Field(gt=0, description="Learning rate of AdamW, decaying linearly to 0.")
    epochs: int = Field(2, ge=0, description="At most; the number is chosen on validation.")
    batch: int = Field(8, ge=1, description="Items a step.")
    choices: int = Field(
        default=1, ge=1, description="Configurations to try: learning rates around the given one, times looks."
    )
    mode: ScoreMode | None = Field(
        default=None, description="Choose by the log-odds so scored; by the loss if not given."
    )
