"""Wrong labels on one topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from steerstack.contracts import Labeller
from steerstack.errors import DataError

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


class OneTopic(Labeller):
    """Wrong on the items of one topic, and right on all others: a blind spot, or an interest of the labeller's own.

    A coordinated corruption rather than a random one, in the words of arXiv 2603.03206, whose corruptions are of
    behaviours; this one is of a part of the items.
    """

    name = "one-topic"
    paper = "arXiv 2603.03206"

    topic: str = Field(description="The topic (the column topic), or the group of items (the column group).")

    def readiness(self, data: DataSet, model: Model) -> Float[ndarray, " n"]:
        """The same for all items of the topic; it never errs on others."""
        import numpy as np

        mask = [self.topic in (item.topic, item.group) for item in data]
        if not any(mask):
            topics = sorted({item.topic for item in data} - {""})
            raise DataError(
                f"No item is of the topic {self.topic!r}.",
                seen=f"topics {', '.join(topics)[:200] or 'none'} in {data.source}",
                fix="Name one of the topics of the data.",
            )
        return np.where(mask, 0.0, -np.inf)
