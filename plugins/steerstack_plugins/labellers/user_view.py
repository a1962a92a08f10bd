"""Wrong labels where the user has another view."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from steerstack.contracts import Labeller

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.data.items import DataSet, Item
    from steerstack.trace.model import Model


class UserView(Labeller):
    """Takes the answer that the user speaks for to be the one that exhibits the behaviour.

    Preference labels that match the user's views rather than the truth are one source of sycophancy in Sharma et al.,
    arXiv 2310.13548. The user speaks for the answer of whose own words (those that the other answer lacks) the
    sentences before the question hold the larger share; sentences that ask are left out, for they name both answers.
    Where both shares are equal there is no view, and no error. It is a rule of words: read what it takes for a view
    before you build on it.
    """

    name = "user-view"
    paper = "arXiv 2310.13548"

    def readiness(self, data: DataSet, model: Model) -> Float[ndarray, " n"]:
        """By how much the user speaks for the other answer, as a difference of shares."""
        import numpy as np

        leans = np.array([_leans(item) for item in data])
        return np.where(leans > 0, leans, -np.inf)


def _leans(item: Item) -> float:
    """Share of the contrasting answer's own words in what the user states, minus that of the exhibiting answer's."""
    statements = " ".join(part for part in re.split(r"(?<=[.!?])\s+", item.question) if not part.endswith("?"))
    user_words, exhibits, contrast = (_words(text) for text in (statements, item.exhibits_text, item.contrast_text))
    shares = [len(own & user_words) / len(own) if own else 0.0 for own in (contrast - exhibits, exhibits - contrast)]
    return shares[0] - shares[1]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
