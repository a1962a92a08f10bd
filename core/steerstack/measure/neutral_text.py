"""Neutral text, on which side effects are measured."""

from functools import cache
from importlib.resources import files

from steerstack.data.prompts import ChatFormat, Prompt
from steerstack.data.questions import Shots
from steerstack.steering.tokens import TokenSequence


@cache
def paragraphs() -> tuple[str, ...]:
    """Short paragraphs of our own writing on everyday matters, none about the target behaviours."""
    text = (files("steerstack.measure") / "neutral.txt").read_text(encoding="utf-8")
    return tuple(part.strip().replace("\n", " ") for part in text.split("\n\n") if part.strip())


def neutral_texts(format: ChatFormat, n: int | None = None) -> list[TokenSequence]:
    """The paragraphs as plain text, every token but the first scored, and all of them "response"."""
    return [format.plain(text) for text in paragraphs()[:n]]


NEUTRAL_QUESTION = "Write a short paragraph about something from everyday life."


def neutral_answers(
    format: ChatFormat, n: int | None = None, *, system: str | None = None, shots: Shots = ()
) -> list[TokenSequence]:
    """The paragraphs as answers in a conversation, so that prompts and demonstrations have a cost too."""
    prompt = Prompt(NEUTRAL_QUESTION, system, history=tuple(shots))
    return [format.answers(prompt, [text])[0] for text in paragraphs()[:n]]
