"""The bare model's own answers to the questions of a behaviour, on which side effects are measured too."""

from collections.abc import Sequence
from dataclasses import replace

from steerstack.data.items import DataSet
from steerstack.data.prompts import ChatFormat, Prompt
from steerstack.data.questions import ScoreMode, Shots, ask, words_of
from steerstack.engine.decode.sampling import Sampling
from steerstack.engine.decode.speak import speak
from steerstack.run.ledger import Ledger
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model

TOKENS = 24
"""Tokens of an answer, at most."""


def own_answers(model: Model, data: DataSet, count: int, mode: ScoreMode) -> list[str]:
    """What the bare model says to the first questions, as a study asks them: the most likely tokens."""
    prompts = [Prompt(words_of(item, mode), item.system) for item in data.items[:count]]
    return [reply.text for (reply,) in speak(model, prompts, [Plan()], Sampling(TOKENS))] if prompts else []


def own_answers_once(ledger: Ledger, model: Model, data: DataSet, count: int, mode: ScoreMode) -> list[str]:
    """The same, said once for a study and kept in its ledger."""
    about = [model.fingerprint, data.limit(count).digest if count else "", mode]
    answers = ledger.once("own answers", about, lambda: own_answers(model, data, count, mode), code=(__name__,))
    return list(answers)


def answered_again(
    format: ChatFormat,
    data: DataSet,
    answers: Sequence[str],
    mode: ScoreMode,
    *,
    system: str | None = None,
    shots: Shots = (),
) -> list[TokenSequence]:
    """The first questions with such answers, after a system prompt and demonstrations; empty answers are left out.

    Parameters
    ----------
    answers:
        One for each of the first questions.
    """
    examples = [(item, answer) for item, answer in zip(data, answers, strict=False) if answer.strip()]
    items = tuple(  # an item has two answers; the other one is not read
        replace(item, question=words_of(item, mode), options=(answer, f"not {answer}"), exhibits=0, contrast=1,
                form="choice")
        for item, answer in examples
    )  # fmt: skip
    if not items:
        return []
    return [question.exhibits for question in ask(format, data.take(items), "text", system=system, shots=shots)]
