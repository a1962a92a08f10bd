"""Neutral text, on which side effects are measured."""

from functools import cache
from importlib.resources import files

from steerstack.prompts import ChatFormat
from steerstack.tokens import TokenSequence


@cache
def paragraphs() -> tuple[str, ...]:
    """Short paragraphs of our own writing on everyday matters, none about the target behaviours."""
    text = (files("steerstack.study") / "neutral.txt").read_text(encoding="utf-8")
    return tuple(part.strip().replace("\n", " ") for part in text.split("\n\n") if part.strip())


def neutral_texts(format: ChatFormat, n: int | None = None) -> list[TokenSequence]:
    """The paragraphs as plain text, every token but the first scored, and all of them "response"."""
    return [format.plain(text) for text in paragraphs()[:n]]
