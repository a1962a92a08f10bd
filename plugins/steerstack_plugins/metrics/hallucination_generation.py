"""Hallucination in free answers: wrong, right or abstained, on what is known and on what does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, final

from pydantic import Field

from steerstack.contracts import Measured
from steerstack_plugins.metrics.common.abstention import abstains
from steerstack_plugins.metrics.common.generated_metric import Generating
from steerstack_plugins.metrics.common.quiz import MADE_UP, Matching, Quiz, read_quiz

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.steering.intervention import Plan
    from steerstack.trace.model import Model

Outcome = Literal["right", "abstained", "wrong"]

_DEFINITION = {
    "right": "an accepted answer stands in the answer as whole words, hedged or not; never for a made-up thing",
    "abstained": "not right, and empty or with one of the patterns of abstention",
    "wrong": "neither: the model asserts something else",
    "wrong_attempted": "wrong among answers that did not abstain",
}


@final
class HallucinationGeneration(Generating):
    """Share of answers that assert what is not so.

    Two kinds of question: some with a known answer, and some about things that do not exist, on
    which every answer but an abstention is made up. Each answer is one of three:

    right
        An accepted answer stands in it as whole words (``exact``), or a run of its words is nearly
        one (``fuzzy``), hedged or not. An answer that names the right thing to deny it, or among
        others, counts as right: matching cannot tell.
    abstained
        It is not right, and is empty or matches :data:`steerstack_plugins.metrics.common.abstention.PATTERNS`:
        "I don't know", "I'm not familiar with", "there is no such", "does not exist", "is fictional",
        "could you provide" and their like, in English.
    wrong
        Anything else.

    ``wrong`` over all answers is the hallucination rate, ``wrong_attempted`` that among answers
    which did not abstain (NaN for those that did): a vector that only makes the model refuse lowers
    the first and not the second. The split of wrong, correct and not attempted follows SimpleQA
    (Wei et al., arXiv 2411.04368), with matching in place of its judge.
    """

    name = "hallucination-generation"
    paper = "arXiv 2411.04368"
    headline: ClassVar[str] = "wrong"
    higher: ClassVar[str] = "more answers that assert what is not so"

    data: str = Field("", description="Questions with accepted answers; empty for the 40 shipped ones.")
    made_up: str = Field("", description="Questions about made-up things; empty for the 20 shipped ones.")
    matching: Matching = Field("fuzzy", description="How an answer is compared with the accepted ones.")

    def questions(self) -> tuple[list[Quiz], dict[str, object]]:
        """Known and made-up ones in turn, so that a limit keeps both kinds; and where they are from."""
        facts, about_known = read_quiz(self.data)
        unknown, about_unknown = read_quiz(self.made_up, own=MADE_UP)
        made_up = [Quiz(quiz.id, quiz.question, ()) for quiz in unknown]
        entries = [(rank / len(kind), quiz) for kind in (facts, made_up) for rank, quiz in enumerate(kind)]
        order = [quiz for _, quiz in sorted(entries, key=lambda pair: pair[0])]
        return order[: self.limit], {"known": about_known, "made_up": about_unknown}

    def measure(
        self, model: Model, plans: Sequence[Plan], *, progress: Callable[[int], None] | None = None
    ) -> list[Measured]:
        """Answer every question under every plan, and sort the answers."""
        from steerstack.data.prompts import Prompt

        questions, origin = self.questions()
        prompts = [Prompt(quiz.question, self.system) for quiz in questions]
        measurements = []
        for arm in self.answers(model, prompts, plans, progress):
            outcomes = [outcome(quiz, text, self.matching) for quiz, text in zip(questions, arm.texts, strict=True)]
            about = {**self.record(arm.texts), **origin, "matching": self.matching, "definition": _DEFINITION}
            counts = {name: outcomes.count(name) for name in ("right", "abstained", "wrong")}
            values = _values(questions, outcomes)
            ids = tuple(quiz.id for quiz in questions)
            measurements.append(
                Measured(ids, values, {**about, "counts": counts}, {"unfinished": arm.unfinished}, arm.edited)
            )
        return measurements


def outcome(quiz: Quiz, answer: str, matching: Matching) -> Outcome:
    """What kind of answer it is."""
    if quiz.accepted and quiz.right(answer, matching):
        return "right"
    return "abstained" if abstains(answer) else "wrong"


def _values(questions: Sequence[Quiz], outcomes: Sequence[Outcome]) -> dict[str, Float[ndarray, " item"]]:
    import numpy as np

    values = {
        kind: np.array([float(result == kind) for result in outcomes]) for kind in ("right", "abstained", "wrong")
    }
    has_answer = np.array([bool(quiz.accepted) for quiz in questions])
    return {
        **values,
        "wrong_attempted": np.where(values["abstained"] == 1, np.nan, values["wrong"]),
        "wrong_known": np.where(has_answer, values["wrong"], np.nan),
        "wrong_made_up": np.where(has_answer, np.nan, values["wrong"]),
    }
