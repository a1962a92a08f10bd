"""What came of one prompt of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.engine.top_tokens import Guess
    from steerstack.steering.tokens import TokenSequence


@dataclass(frozen=True)
class Completion:
    """What came of one prompt.

    Attributes
    ----------
    whole:
        The prompt and the new tokens, the one that ended the answer included.
    text:
        The answer, without special tokens, up to a text that ended it.
    stopped:
        Whether the model, or such a text, ended it.
    edited:
        How many positions were edited.
    start, guesses:
        From which token on log-probabilities were read, and those; None where they were not asked for.
    """

    whole: TokenSequence
    text: str
    stopped: bool
    edited: int
    start: int = 0
    guesses: Sequence[Guess] | None = None

    @property
    def new(self) -> tuple[int, ...]:
        """The new tokens."""
        return self.whole.ids[self.whole.answer_start :]
