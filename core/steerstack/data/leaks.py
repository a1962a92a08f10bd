"""What could mislead in a data set: marks by which the exhibiting answer is known without being understood."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from steerstack.data.items import LETTERS, DataSet, Item
from steerstack.data.words import word_guesses


@dataclass(frozen=True)
class Leak:
    """One count.

    Attributes
    ----------
    what:
        ``letter``, ``yes-no``, ``length`` or ``words``.
    value, n:
        Share of the exhibiting answers that bear the mark (None where no item can), and of how many.
    p:
        Two-sided p of the count against one half (binomial).
    text:
        In words.
    """

    what: str
    value: float | None
    n: int
    p: float | None
    text: str

    @property
    def warns(self) -> bool:
        """Whether it is beyond chance (p < 0.01)."""
        return self.p is not None and self.p < 0.01


def leaks(data: DataSet) -> list[Leak]:
    """Count the marks: letter balance, Yes and No at the start, the longer answer, and what its words give away."""
    items = data.items
    first = [item.exhibits < item.contrast for item in items]
    yes = [_starts(item, "yes") for item in items if _starts(item, "yes") is not None]
    longer = [
        len(i.exhibits_text) > len(i.contrast_text) for i in items if len(i.exhibits_text) != len(i.contrast_text)
    ]
    letters = {LETTERS[item.exhibits] for item in items}
    return [
        _leak("letter", first, f"listed first (letters {', '.join(sorted(letters))})"),
        _leak("yes-no", yes, "begin with Yes where exactly one of the two answers does"),
        _leak("length", longer, "are the longer one"),
        _words(data),
    ]


def _starts(item: Item, word: str) -> bool | None:
    """Whether the exhibiting answer begins with a word, where exactly one of the two does."""
    sides = [bool(re.match(rf"\W*{word}\b", text, re.I)) for text in (item.exhibits_text, item.contrast_text)]
    return sides[0] if sides[0] != sides[1] else None


def _words(data: DataSet) -> Leak:
    """How often a word classifier picks the exhibiting answer from the answers alone, as a share of all items."""
    guesses = word_guesses(data)
    if guesses is None:
        return Leak("words", None, 0, None, "words: too few questions to tell what words give away")
    p = float(stats.binomtest(round(guesses.accuracy * guesses.n), guesses.n, alternative="greater").pvalue)
    return Leak("words", guesses.accuracy, guesses.n, p, f"{guesses.text} (p = {p:.2g})")


def _leak(what: str, marks: Sequence[bool | None], words: str) -> Leak:
    n, count = len(marks), sum(bool(mark) for mark in marks)
    if not n:
        return Leak(what, None, 0, None, f"{what}: no item bears the mark")
    p = float(stats.binomtest(count, n).pvalue)
    share = count / n
    return Leak(what, share, n, p, f"{what}: {count} of {n} exhibiting answers {words} ({share:.0%}, p = {p:.2g})")
