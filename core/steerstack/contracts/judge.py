"""Judges: who says what a free answer is."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Verdict:
    """What a judge said of one answer.

    Attributes
    ----------
    score:
        From 0 to 1, or None where the judge's words could not be read: never taken for 0.
    raw:
        The judge's own words.
    tokens:
        What it cost, in tokens; 0 where nothing was run.
    """

    score: float | None
    raw: str = ""
    tokens: int = 0


class Judge(Method):
    """Scores free answers to one question of the form "does this answer ...?"."""

    @abstractmethod
    def judge(self, criterion: str, questions: Sequence[str], answers: Sequence[str]) -> list[Verdict]:
        """One verdict for each answer.

        Parameters
        ----------
        criterion:
            What is asked of each answer, as a yes-or-no question.
        questions, answers:
            What was asked of the model, and what it said.

        Raises
        ------
        JudgeError
            The judge cannot be reached. Verdicts given before are not lost: callers keep them.
        """
