"""Every question in several orders of its options, so that a habit of answering by place is neither right nor wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from steerstack.data.items import Item
from steerstack.stats.item_clusters import groups_of
from steerstack.util import digest


def balanced(items: Iterable[Item], *, both: bool = False) -> tuple[Item, ...]:
    """Ask each item with its right answer at every place once; the orders of one item are one group.

    The first order is shuffled, by what the item holds: a source may list the right answer first. Items whose group
    already has every option at every place equally often stay as they are.

    Parameters
    ----------
    items:
        Items whose options are listed.
    both:
        Two orders, one the other's reverse, in place of as many as there are options; for two options it is the same.
    """
    originals = tuple(items)
    lists = defaultdict(list)
    for item in originals:
        lists[_list_of(item)].append(item)
    return tuple(
        order
        for item in originals
        for order in ([item] if _is_balanced(lists[_list_of(item)]) else _orders(item, both))
    )


def _list_of(item: Item) -> tuple[str, str, tuple[str, ...]]:
    return item.group or item.id, item.question, tuple(sorted(item.options))


def _is_balanced(items: Sequence[Item]) -> bool:
    size = len(items[0].options)
    counts = Counter((place, text) for item in items for place, text in enumerate(item.options))
    return len(counts) == size**2 and len(set(counts.values())) == 1


def _orders(item: Item, both: bool) -> list[Item]:
    size = len(item.options)
    seed = int(digest.of_json([item.question, sorted(item.options)])[:8], 16)
    first = np.random.default_rng(seed).permutation(size)
    places = [first, first[::-1]] if both else [np.roll(first, shift) for shift in range(size)]
    return [
        replace(item, id=f"{item.id}, order {number}", options=tuple(item.options[at] for at in order),
                exhibits=int(np.flatnonzero(order == item.exhibits)[0]),
                contrast=int(np.flatnonzero(order == item.contrast)[0]), group=item.group or item.id)
        for number, order in enumerate(places)
    ]  # fmt: skip


def facts_of(items: Sequence[Item]) -> tuple[int, ...] | None:
    """The cluster of each item: its fact, joined with facts of one topic or template; None where each is its own."""
    first: dict[str, int] = {}
    own = [first.setdefault(item.group or item.id, place) for place, item in enumerate(items)]
    heads = sorted(set(own))
    wider = groups_of([items[place] for place in heads])
    if wider is None:
        return None if len(heads) == len(items) else tuple(heads.index(place) for place in own)
    labels = dict(zip(heads, wider, strict=True))
    return tuple(labels[place] for place in own)
