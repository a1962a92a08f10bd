"""Locked splits: extract on train, choose on validation, report on test once."""

from collections import defaultdict
from dataclasses import dataclass

from steerstack import digest
from steerstack.data import DataSet, Item
from steerstack.errors import DataError


@dataclass(frozen=True)
class Splits:
    """Three disjoint parts of one data set. No question occurs in two of them."""

    train: DataSet
    validation: DataSet
    test: DataSet

    @property
    def digests(self) -> dict[str, str]:
        """Digest of each part, by name."""
        return {"train": self.train.digest, "validation": self.validation.digest, "test": self.test.digest}


def split(data: DataSet, *, seed: int = 0, shares: tuple[float, float, float] = (0.4, 0.2, 0.4)) -> Splits:
    """Split a data set into train, validation and test, stratified by topic or letter.

    The place of an item follows from the seed and its question, not from its row: items that
    share a question stay together, and reordering the file changes nothing.

    Parameters
    ----------
    data:
        The items.
    seed:
        Another seed gives another split.
    shares:
        Shares of train, validation and test; they add up to 1.

    Raises
    ------
    DataError
        The shares do not add up to 1, or a part would be empty.
    """
    if abs(sum(shares) - 1) > 1e-9 or min(shares) <= 0:
        raise DataError("The shares of the splits must be positive and add up to 1.", seen=str(shares))
    strata: dict[str, dict[str, list[Item]]] = defaultdict(lambda: defaultdict(list))
    for item in data:
        strata[item.stratum][item.question].append(item)
    ranked: list[tuple[float, list[Item]]] = []
    homes: dict[str, float] = {}
    for groups in strata.values():
        order = sorted(groups, key=lambda question: digest.of_json([seed, question]))
        for rank, question in enumerate(order):
            # a question that recurs in another stratum keeps the place it got first
            place = homes.setdefault(question, (rank + 0.5) / len(order))
            ranked.append((place, groups[question]))
    bounds = (shares[0], shares[0] + shares[1])
    parts: tuple[list[Item], list[Item], list[Item]] = ([], [], [])
    for place, items in ranked:
        parts[0 if place < bounds[0] else 1 if place < bounds[1] else 2].extend(items)
    if not all(parts):
        raise DataError(
            f"{len(data)} items are too few to split in three.",
            seen=f"parts of {', '.join(str(len(part)) for part in parts)}",
            fix="Give at least about 10 items, or other shares.",
        )
    place_of = {item.id: index for index, item in enumerate(data)}
    train, validation, test = (data.take(tuple(sorted(part, key=lambda item: place_of[item.id]))) for part in parts)
    return Splits(train, validation, test)
