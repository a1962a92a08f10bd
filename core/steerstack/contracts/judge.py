"""Judges: who says what a free answer is."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steerstack.trace.model import Model


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
    def judge(
        self,
        criterion: str,
        questions: Sequence[str],
        answers: Sequence[str],
        references: Sequence[Sequence[str]] | None = None,
    ) -> list[Verdict]:
        """One verdict for each answer.

        Parameters
        ----------
        criterion:
            What is asked of each answer, as a yes-or-no question; the score is how far it is Yes.
        questions, answers:
            What was asked of the model, and what it said.
        references:
            For each question, answers that are known to be right; None where there are none.

        Raises
        ------
        JudgeError
            The judge cannot be reached. Its ``given`` holds the verdicts given before, by index.
        """

    def beside(self, model: Model) -> Judge:
        """The judge where ``model`` is being measured; most are the same for any model."""
        del model
        return self

    def identity(self) -> Mapping[str, Any]:
        """All that decides a verdict, as JSON: the same identity gives the same verdicts."""
        return {"name": self.name, "parameters": self.parameters()}

    def about(self) -> Mapping[str, Any]:
        """What is known of the judge's quality, for the record; as JSON."""
        return {}
