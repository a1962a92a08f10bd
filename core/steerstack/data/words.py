"""Whether the words of the answers give the exhibiting one away, to a reader who sees no question."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from steerstack.data.items import DataSet, Item

FOLDS = 5
"""Parts of the cross-validation; a question or a group stands in one of them only."""

LEAST = 10
"""Questions or groups below which nothing can be said."""

CLEAN = 0.65
"""Accuracy above which the words are said to give the answer away."""

MOST = 2000
"""Items that are read, spread evenly over a larger set."""


@dataclass(frozen=True)
class WordGuesses:
    """Which answers a word classifier takes for the exhibiting ones.

    Attributes
    ----------
    right:
        By the item's id: 1 where it is right, 0 where it is wrong, 1/2 where its words say nothing.
    """

    right: dict[str, float]

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.right)

    @property
    def accuracy(self) -> float:
        """Share of the items of which it picks the exhibiting answer; a coin has 1/2."""
        return sum(self.right.values()) / len(self.right)

    def misread(self, items: Iterable[Item]) -> list[int]:
        """Places of the items of which it takes the other answer for the exhibiting one."""
        return [place for place, item in enumerate(items) if self.right.get(item.id) == 0]

    @property
    def text(self) -> str:
        """In words."""
        much = ", so that tone and vocabulary give it away" if self.accuracy > CLEAN else ""
        return (
            f"words: a classifier that sees the words of the answers alone picks the exhibiting one in "
            f"{self.accuracy:.0%} of {self.n} items (a coin: 50%){much}"
        )

    def to_json(self) -> dict[str, object]:
        """As results hold it."""
        return {"accuracy": self.accuracy, "n": self.n, "text": self.text}


@lru_cache(maxsize=16)
def _guesses(asked: tuple[tuple[str, str, str, str], ...]) -> WordGuesses:
    import numpy as np
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    ids, kin, exhibits, contrasts = zip(*asked, strict=True)
    right = np.full(len(ids), 0.5)
    folds = GroupKFold(min(FOLDS, len(set(kin))))
    for learned, test in folds.split(ids, groups=kin):
        words = TfidfVectorizer(token_pattern=r"\b\w+\b", ngram_range=(1, 2), sublinear_tf=True)
        words.fit([side[place] for side in (exhibits, contrasts) for place in learned])

        def gaps(places: "np.ndarray", words: TfidfVectorizer = words) -> sparse.csr_matrix:
            return words.transform([exhibits[p] for p in places]) - words.transform([contrasts[p] for p in places])

        differences = gaps(learned)
        model = LogisticRegression(C=10.0, fit_intercept=False, max_iter=1000)
        model.fit(sparse.vstack([differences, -differences]), np.repeat([1, 0], len(learned)))
        margin = gaps(test) @ model.coef_[0]
        right[test] = np.where(np.abs(margin) < 1e-12, 0.5, margin > 0)
    return WordGuesses(dict(zip(ids, right.tolist(), strict=True)))


def word_guesses(data: DataSet) -> WordGuesses | None:
    """Guess each item's exhibiting answer from the words of its two answers alone; None for too few questions.

    A logistic regression on the difference of their weighted words and pairs of words, cross-validated so that
    neither the question nor the group of a guessed item was ever seen. Where it is right far more often than a coin,
    tone and vocabulary carry the behaviour, and a vector may have learned those. The idea is that of hypothesis-only
    baselines (Poliak et al., 2018, doi 10.18653/v1/S18-2023).
    """
    items = data.spread(MOST).items
    if len({item.kin for item in items}) < LEAST:
        return None
    return _guesses(tuple((i.id, i.kin, i.exhibits_text, i.contrast_text) for i in items))
