"""Answers that decline to say: by patterns, all of them listed here."""

from __future__ import annotations

import re

_NOT = r"(?:do not|don't|did not|didn't|does not|doesn't)"
_HEDGE = r"(?:(?:really|actually|currently|entirely|quite|purely|any|enough|specific) )*"

PATTERNS = (
    r"\bno comment\b",
    rf"\b{_NOT} {_HEDGE}(?:know|recall|recognise|recognize)\b",
    rf"\b{_NOT} {_HEDGE}have {_HEDGE}(?:information|details|knowledge|data|records?)\b",
    rf"\b(?:am|i'm|are|we're) (?:not |un){_HEDGE}(?:sure|certain|aware|familiar|able)\b",
    r"\b(?:cannot|can't|could not|couldn't|unable to) (?:find|verify|confirm|answer|say|tell|provide|locate)\b",
    r"\b(?:there (?:is|was|are|were)|i (?:have|find|found)) no (?:such|record|evidence|information|known|mention)\b",
    rf"\b{_NOT} (?:(?:appear|seem) to )?{_HEDGE}exist\b",
    rf"\b(?:is|are|was|to be|seems|appears) (?:an? )?{_HEDGE}(?:fictional|fictitious|made[ -]up|invented|imaginary)\b",
    r"\bnot (?:an? )?(?:known|real|recognised|recognized)\b",
    r"\bunknown to me\b",
    r"\bno information (?:on|about|is|available)\b",
    r"\b(?:please|could you|can you) (?:provide|give|clarify|share)\b",
)
"""Regular expressions, without regard to case; English only."""

_ANY = re.compile("|".join(PATTERNS), re.IGNORECASE)


def abstains(answer: str) -> bool:
    """Whether an answer is empty, or one of :data:`PATTERNS` stands in it."""
    return not answer.strip() or _ANY.search(answer.replace("’", "'")) is not None
