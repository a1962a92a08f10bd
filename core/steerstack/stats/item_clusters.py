"""Items that are alike, of one topic or of one template: an interval that takes them as independent is too narrow."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from steerstack.data.items import Item

FEWEST = 5
"""Fewer clusters than these are no sample of clusters: two topics, say, are what the study is about."""

ALIKE = 0.6
"""Share of the words of two questions that they have in common, from which on they are of one template."""

LEAST = 3
"""Fewer words in common than these say nothing."""

STEM = 6
"""Words with which two questions of one template begin."""


@dataclass(frozen=True)
class Clusters:
    """Which items belong together.

    Attributes
    ----------
    labels:
        One number an item, from 0.
    by:
        What they share, such as ``topics`` or ``topics and templates``.
    """

    labels: tuple[int, ...]
    by: str

    @property
    def count(self) -> int:
        """Number of clusters."""
        return len(set(self.labels))

    def __str__(self) -> str:
        return f"the {len(self.labels)} items come in {self.count} clusters by {self.by}; intervals allow for that"


def clusters(items: Iterable[Item]) -> Clusters | None:
    """The clusters that items come in; None where they are as good as independent.

    Items belong together where they have one topic, or where their questions are of one template: they begin with the
    same six words, or have six words in ten in common, numbers and the words that most items hold aside. A relation
    that leaves fewer than :data:`FEWEST` clusters is not used.
    """
    members = list(items)
    relations = {"topics": _same(members), "templates": _alike([_text(item) for item in members])}
    usable = {name: labels for name, labels in relations.items() if FEWEST <= len(set(labels)) < len(members)}
    joined = _joined(list(usable.values())) if len(usable) > 1 else []
    if len(set(joined)) >= FEWEST:
        return Clusters(tuple(joined), " and ".join(usable))
    if not usable:
        return None
    name = min(usable, key=lambda name: len(set(usable[name])))
    return Clusters(tuple(usable[name]), name)


def groups_of(items: Iterable[Item]) -> tuple[int, ...] | None:
    """The cluster of each item; None where they are as good as independent."""
    partition = clusters(items)
    return partition.labels if partition else None


def _same(items: Sequence[Item]) -> list[int]:
    """Numbers of topics; an item without one is a cluster of its own."""
    names = [item.topic or f"item {place}" for place, item in enumerate(items)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return [numbers[name] for name in names]


def _text(item: Item) -> str:
    return item.question if item.question.strip() else " ".join(sorted(item.options))


def _alike(texts: Sequence[str]) -> list[int]:
    """Numbers of templates."""
    words = [re.findall(r"\w+", re.sub(r"\d+", "0", text.lower())) for text in texts]
    counts = Counter(word for of in words for word in set(of))
    own = [[word for word in of if counts[word] <= len(texts) / 2] for of in words]
    return _components([*_stems(own), *_shared([set(of) for of in own])], len(texts))


def _stems(words: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Pairs of places with one beginning."""
    first: dict[tuple[str, ...], int] = {}
    stems = [(place, tuple(of[:STEM])) for place, of in enumerate(words) if len(of) >= STEM]
    return [(first.setdefault(stem, place), place) for place, stem in stems]


def _shared(words: Sequence[set[str]]) -> list[tuple[int, int]]:
    """Pairs of places whose words are mostly the same (Jaccard)."""
    places = {word: place for place, word in enumerate(dict.fromkeys(word for of in words for word in sorted(of)))}
    sizes = np.array([len(of) for of in words])
    columns = [places[word] for of in words for word in of]
    table = csr_array((np.ones(len(columns)), columns, np.cumsum([0, *sizes])), shape=(len(words), len(places)))
    common = (table @ table.T).tocoo()
    union = sizes[common.row] + sizes[common.col] - common.data
    close = (common.data / union >= ALIKE) & (common.data >= LEAST)
    return list(zip(common.row[close].tolist(), common.col[close].tolist(), strict=True))


def _joined(relations: Sequence[Sequence[int]]) -> list[int]:
    """Clusters of items that belong together by any of the relations."""
    pairs = []
    for labels in relations:
        first: dict[int, int] = {}
        pairs += [(first.setdefault(label, place), place) for place, label in enumerate(labels)]
    return _components(pairs, len(relations[0]))


def _components(pairs: Sequence[tuple[int, int]], n: int) -> list[int]:
    rows, columns = ([pair[side] for pair in pairs] for side in (0, 1))
    graph = csr_array((np.ones(len(pairs)), (rows, columns)), shape=(n, n))
    return [int(label) for label in connected_components(graph, directed=False)[1]]
