"""Judges that only compare: an answer is right where it says what a reference says."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import Judge, Verdict
from steerstack.errors import JudgeError
from steerstack_plugins.judges.common.match import exact_match, similarity

if TYPE_CHECKING:
    from collections.abc import Sequence


class Comparing(Judge):
    """Compares each answer with its own references; what is asked of it does not count."""

    def judge(
        self,
        criterion: str,
        questions: Sequence[str],
        answers: Sequence[str],
        references: Sequence[Sequence[str]] | None = None,
    ) -> list[Verdict]:
        """Compare each answer with its references."""
        del criterion, questions
        return [self._one(answer, refs) for answer, refs in zip(answers, _needed(self.name, references), strict=True)]

    @abstractmethod
    def _one(self, answer: str, references: Sequence[str]) -> Verdict:
        """The verdict on one answer."""


@final
class Exact(Comparing):
    """Yes where the normalised answer is one of the references, whatever the criterion asks.

    Normalised as in SQuAD (Rajpurkar et al., arXiv 1606.05250): case, punctuation, accents and
    articles do not count.
    """

    name = "exact"
    paper = "arXiv 1606.05250"

    within: bool = Field(False, description="Yes also where a reference stands inside the answer, as whole words.")

    def _one(self, answer: str, references: Sequence[str]) -> Verdict:
        reference = next((ref for ref in references if exact_match(answer, ref, within=self.within)), None)
        return Verdict(0.0, "no reference") if reference is None else Verdict(1.0, f"as {reference!r}")


@final
class Fuzzy(Comparing):
    """Yes where the normalised answer is nearly one of the references, whatever the criterion asks.

    Nearness is the normalised insertion-deletion similarity of rapidfuzz (``fuzz.ratio``, 0 to
    100); numbers must be the same.
    """

    name = "fuzzy"

    within: bool = Field(False, description="Yes also where a run of the answer's words is near a reference.")
    threshold: float = Field(90.0, gt=0, le=100, description="Similarity from which an answer counts, 0 to 100.")

    def _one(self, answer: str, references: Sequence[str]) -> Verdict:
        near = [(similarity(answer, ref, within=self.within), ref) for ref in references]
        best, reference = max(near, default=(0.0, ""))
        return Verdict(float(best >= self.threshold), f"{best:.0f} to {reference!r}")


def _needed(name: str, references: Sequence[Sequence[str]] | None) -> Sequence[Sequence[str]]:
    if references is None:
        raise JudgeError(
            f"The judge {name} compares with right answers, and there are none.",
            fix="Take the judge self, openai or classifier, or questions that come with answers.",
        )
    return references
