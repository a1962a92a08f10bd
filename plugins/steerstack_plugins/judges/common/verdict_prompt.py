"""How a language model is asked for a verdict, and how its words are read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERDICT = re.compile(r"\W*(?:(?:the|my) (?:answer|verdict) is\W*)?(yes|no)\b", re.IGNORECASE)


def wording(criterion: str, question: str, answer: str, references: Sequence[str] | None = None) -> str:
    """The user's turn that asks for one verdict."""
    lines = [f"Question: {question}"]
    if references:
        lines.append("Known right answers: " + "; ".join(references))
    lines += [f"Answer to be judged: {answer.strip() or '(nothing)'}", f"{criterion} Reply with Yes or No only."]
    return "\n\n".join(lines)


def verdict_of(words: str) -> float | None:
    """1 where the words begin with Yes, 0 where with No (after "The answer is" too), else None."""
    match = _VERDICT.match(words)
    return None if match is None else float(match.group(1).lower() == "yes")
