"""Degenerate text: answers that repeat themselves, are empty, never end, or are not words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Literal, final

from pydantic import Field

from steerstack.contracts import Measured
from steerstack_plugins.metrics.common import sources
from steerstack_plugins.metrics.common.generated_metric import Generating

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steerstack.steering.intervention import Plan
    from steerstack.trace.model import Model

OWN = "open-questions.jsonl"
_EDGES = re.compile(r"^[^\w]+|[^\w]+$")
_LATIN = re.compile(r"[a-zà-öø-ÿœ]+(?:['’-][a-zà-öø-ÿœ]+)*")
_VOWEL = re.compile(r"[aeiouyà-öø-ÿœ]")


@final
class Degeneration(Generating):
    """How broken free text is: the side effect of a vector that is too strong.

    Of each answer, in words (lower-cased runs between spaces), so that tokenizers compare:

    ``distinct_1``, ``distinct_2``, ``distinct_3``
        Different n-grams over all n-grams (Li et al., arXiv 1510.03055, section 5); 1 is no repetition.
    ``repeated_4``
        1 minus different 4-grams over all 4-grams (seq-rep-4 of Welleck et al., arXiv 1908.04319, eq. 10).
    ``empty``
        1 where there is no letter and no digit.
    ``over_long``
        1 where the answer had not ended at ``max_new_tokens``; a high share with short bounds is no fault.
    ``non_words``
        Share of words that look like none. A word, without the punctuation around it, is a number, or
        at most 30 letters, none four times in a row, which hold a vowel (or are one or two, or all
        capitals); letters of one other script than Latin pass, and so do dashes. A heuristic without a
        dictionary: invented words pass.
    ``degenerate``
        The headline: 1 where the answer is empty, ``repeated_4`` exceeds ``most_repeated``, or ``non_words``
        exceeds ``most_non_words``.

    n-grams that do not exist (an answer of three words has no 4-gram) give NaN, and 0 in ``degenerate``.
    """

    name = "degeneration"
    paper = "arXiv 1908.04319"
    headline: ClassVar[str] = "degenerate"
    higher: ClassVar[str] = "more broken text"
    role: ClassVar[Literal["target", "side-effect", "other"]] = "side-effect"

    data: str = Field("", description="Rows with a question; empty for the 12 shipped open questions.")
    max_new_tokens: int = Field(96, ge=1, description="Bound on an answer's length, in tokens.")
    most_repeated: float = Field(0.5, ge=0, le=1, description="Share of repeated 4-grams that is still no fault.")
    most_non_words: float = Field(0.5, ge=0, le=1, description="Share of non-words that is still no fault.")

    def questions(self) -> tuple[list[tuple[str, ...]], dict[str, object]]:
        """Id and text of each, and where they are from."""
        return sources.own_rows(self.data, OWN, ("question", "Question"), limit=self.limit)

    def measure(
        self, model: Model, plans: Sequence[Plan], *, progress: Callable[[int], None] | None = None
    ) -> list[Measured]:
        """Answer every question under every plan."""
        import numpy as np

        from steerstack.data.prompts import Prompt

        questions, origin = self.questions()
        arms = self.answers(model, [Prompt(text, self.system) for _, text in questions], plans, progress)
        ids = tuple(name for name, _ in questions)
        measurements = []
        for arm in arms:
            rows = [self.values(text, at_end) for text, at_end in zip(arm.texts, arm.ended, strict=True)]
            values = {name: np.array([row[name] for row in rows], dtype=float) for name in rows[0]}
            measurements.append(Measured(ids, values, {**self.record(arm.texts), **origin}, edited=arm.edited))
        return measurements

    def values(self, text: str, ended: bool) -> dict[str, float]:
        """The values of one answer."""
        words = text.lower().split()
        distinct = {f"distinct_{n}": _distinct(words, n) for n in (1, 2, 3)}
        repetition = 1 - _distinct(words, 4)
        strange = sum(not is_word(word) for word in text.split()) / len(words) if words else float("nan")
        empty = not any(c.isalnum() for c in text)
        # a NaN compares as false
        degenerate = empty or repetition > self.most_repeated or strange > self.most_non_words
        return {
            "degenerate": float(degenerate),
            **distinct,
            "repeated_4": repetition,
            "empty": float(empty),
            "over_long": float(not ended),
            "non_words": strange,
            "words": float(len(words)),
        }


def _distinct(words: Sequence[str], n: int) -> float:
    grams = [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else float("nan")


def is_word(text: str) -> bool:
    """Whether a run without spaces looks like a word or a number; see :class:`Degeneration`."""
    bare = _EDGES.sub("", text)
    if not bare or "_" in bare:
        return text in _MARKS
    if re.fullmatch(r"\d[\d.,:/%-]*(?:st|nd|rd|th|s|x|km|cm|mm|kg|g|m|°?[cf])?", bare.lower()):
        return True
    if re.search(r"(\w)\1{3}", bare) or len(bare) > 30:
        return False
    low = bare.lower()
    if not _LATIN.fullmatch(low):
        return all(ord(c) > 0x24F for c in low if c.isalpha()) and low.isalpha()
    return bool(_VOWEL.search(low)) or len(low) <= 2 or bare.isupper() or low in _NO_VOWEL


_MARKS = frozenset(("-", "--", "–", "—", "...", "…", "&", "+", "=", "*", "•"))
_NO_VOWEL = frozenset(("mrs", "ltd", "hmm", "mph", "tsp", "tbsp", "nth", "etc"))
