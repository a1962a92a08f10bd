"""The reward of the right label."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, final

from steerstack.contracts import Reward

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.contracts import Rollout
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


@final
class ExactAnswer(Reward):
    """1 for an answer that names the exhibiting label, 0 for one that names the other, -1 for one that names neither.

    A rule-based reward of the kind of DeepSeek-R1's accuracy reward (arXiv 2501.12948, section 2.2), which knows right
    from wrong alone; here an answer that is none at all is worse than a wrong one. Every question is asked in both
    orders, so that always saying the same letter gains nothing.
    """

    name = "exact"
    paper = "arXiv 2501.12948"
    labelled: ClassVar[bool] = True

    def values(self, rollouts: Sequence[Rollout], data: DataSet, model: Model) -> Float[ndarray, " rollout"]:
        """By the label that each answer names.

        Raises
        ------
        DataError
            A question asks for no label.
        """
        import numpy as np

        return np.array([label_reward(one.answer, *labels_of(one)) for one in rollouts], dtype=np.float64)

    def expected(self, logp: Float[ndarray, "question label"]) -> Float[ndarray, " question"]:
        """Of the next token: ``P(exhibits) - P(neither)``."""
        import numpy as np

        exhibits, contrast = np.exp(logp).T
        return exhibits - (1 - exhibits - contrast)


def labels_of(rollout: Rollout) -> tuple[str, str]:
    """The labels that a question asks for; raises DataError where it asks for none."""
    from steerstack.errors import DataError

    if rollout.labels is None:
        raise DataError(
            "The reward of an exact answer goes by labels, and this question asks for none.",
            seen=rollout.words[:80],
            fix="Score by letter or yes-no, or take another reward.",
        )
    return rollout.labels


def named(text: str) -> str:
    """What an answer names: Yes or No, or a letter that stands alone; empty where it names nothing."""
    match = re.match(r"\W*(yes|no|[a-z])(?!\w)", text, re.IGNORECASE)
    return match[1].capitalize() if match else ""


def label_reward(text: str, exhibits: str, contrast: str) -> float:
    """1 for an answer that names the exhibiting label, 0 for the other label, -1 for neither."""
    return {exhibits: 1.0, contrast: 0.0}.get(named(text), -1.0)
