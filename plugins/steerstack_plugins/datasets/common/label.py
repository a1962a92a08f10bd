"""What an option is called: a letter or a number, in any of the ways in which files write it."""

import re

_LABEL = re.compile(r"[(\[]?\s*(?P<mark>[A-Za-z]|\d{1,2})\s*[)\].:]?")
_WITH_TEXT = re.compile(
    r"(?:[(\[](?P<inside>[A-Za-z]|\d{1,2})[)\]]|(?P<mark>[A-Za-z]|\d{1,2})[).:])\s+(?P<text>.+)", re.S
)


def bare(mark: str) -> str:
    """A label's letter as a capital, or its number without zeros in front."""
    return str(int(mark)) if mark.isdecimal() else mark.upper()


def label(text: str) -> str | None:
    """The letter or number of ``(A)``, ``A``, ``a``, ``A.``, ``A)``, ``[A]``, ``(1)`` or ``1``; None for other text."""
    match = _LABEL.fullmatch(text.strip())
    return bare(match["mark"]) if match else None


def label_and_text(text: str) -> tuple[str, str] | None:
    """The label and the text of ``(A) text``, ``A. text``, ``A) text`` or ``A: text``; None for other text."""
    match = _WITH_TEXT.fullmatch(text.strip())
    return (bare(match["inside"] or match["mark"]), match["text"].strip()) if match else None
