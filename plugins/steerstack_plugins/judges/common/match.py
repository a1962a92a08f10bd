"""Whether an answer says what a reference says: by the same words, or nearly the same."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ARTICLES = frozenset(("a", "an", "the"))


def words_of(text: str) -> list[str]:
    """Lower-case words without accents, punctuation and articles.

    As the SQuAD evaluation normalises answers (Rajpurkar et al., arXiv 1606.05250), except that
    accents fall away as well and that a hyphen parts two words. A text of nothing but articles keeps them.
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in plain if not unicodedata.combining(c) and c not in "'’")
    # a comma between digits groups thousands, and a point between digits belongs to the number
    letters = re.sub(r"(?<=\d),(?=\d{3}\b)", "", letters)
    words = re.findall(r"\d+\.\d+|[^\W_]+", letters)
    return [word for word in words if word not in _ARTICLES] or words


def exact_match(answer: str, reference: str, *, within: bool) -> bool:
    """Whether the normalised words are the same; ``within``: whether the reference's stand in the answer, in a row."""
    reply, target = words_of(answer), words_of(reference)
    if not target:
        return False
    return any(window == target for window in _windows(reply, len(target))) if within else reply == target


def similarity(answer: str, reference: str, *, within: bool) -> float:
    """From 0 to 100: ``rapidfuzz.fuzz.ratio`` of the normalised texts.

    ``within`` takes the best of all runs of words in the answer that are as many as the
    reference's, one fewer or one more. Numbers must be the same in both: else it is 0.
    """
    from rapidfuzz import fuzz

    reply, target = words_of(answer), words_of(reference)
    if not reply or not target:
        return 0.0
    counts = (len(target), len(target) - 1, len(target) + 1)
    candidates = [w for n in counts if n > 0 for w in _windows(reply, n)] if within else [reply]
    numbers = _numbers(target)
    alike = [" ".join(words) for words in candidates or [reply] if _numbers(words) == numbers]
    return max((float(fuzz.ratio(words, " ".join(target))) for words in alike), default=0.0)


def _windows(words: Sequence[str], size: int) -> Iterator[list[str]]:
    return (list(words[at : at + size]) for at in range(len(words) - size + 1))


def _numbers(words: Sequence[str]) -> list[str]:
    return [word for word in words if any(c.isdigit() for c in word)]
