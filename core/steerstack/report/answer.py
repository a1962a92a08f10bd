"""Answer: what the items of a study say, computed from its frame alone, without a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from steerstack.report.words import sum_up

if TYPE_CHECKING:
    from steerstack.data.items import Item
    from steerstack.report.page import Table
    from steerstack.report.plot import Plot
    from steerstack.stats.item_clusters import Clusters


@dataclass(frozen=True)
class ItemFrame:
    """The frame of a study, and all else that its numbers follow from.

    Attributes
    ----------
    frame:
        One row an item and arm.
    behavior:
        What was measured.
    clusters:
        By the name of each tested data set, the cluster of every item by its id; None where items are as good as
        independent.
    """

    frame: pd.DataFrame
    behavior: str
    clusters: Mapping[str, Mapping[str, int] | None]

    @classmethod
    def of(
        cls, rows: Iterable[Mapping[str, object]], behavior: str, tested: Mapping[str, Iterable[Item]],
        clusters: Mapping[str, Clusters | None],
    ) -> ItemFrame:  # fmt: skip
        """From rows, and the items of each tested data set with the clusters that they come in."""
        labels = {
            name: dict(zip((item.id for item in tested[name]), of.labels, strict=True)) if of else None
            for name, of in clusters.items()
        }
        return cls(pd.DataFrame(list(rows)), behavior, labels)

    def groups(self, items: Iterable[str], on: str = "test") -> list[int] | None:
        """The cluster of each of some items of a data set; None where they are as good as independent."""
        labels = self.clusters[on]
        return None if labels is None else [labels[item] for item in items]


class Answer(ABC):
    """What the items of a study say, in sentences, figures and tables.

    Nothing of it rests on an estimate that a run wrote down, so that a page made of it is held to the items.
    """

    @property
    @abstractmethod
    def sentences(self) -> Sequence[str]:
        """What was found; some may be empty."""

    @property
    @abstractmethod
    def n(self) -> int:
        """Number of items that it rests on."""

    @property
    @abstractmethod
    def lead(self) -> Sequence[str]:
        """What a reader with little time is told: the sentences that answer the study's question."""

    @property
    @abstractmethod
    def resolved(self) -> bool:
        """Whether the study's question has an answer: anything that is told from nothing, or from something else."""

    @property
    @abstractmethod
    def would_change(self) -> str:
        """What would change the verdict, in words."""

    @property
    @abstractmethod
    def plots(self) -> Sequence[Plot]:
        """Figures with n, intervals and nulls, the main one first."""

    @property
    @abstractmethod
    def tables(self) -> Sequence[Table]:
        """Every number of the sentences and figures."""

    @cached_property
    def verdict(self) -> str:
        """The answer in words."""
        return sum_up(self.sentences, self.n)

    @property
    def short(self) -> str:
        """The same for a reader with little time."""
        return sum_up(self.lead, self.n)
