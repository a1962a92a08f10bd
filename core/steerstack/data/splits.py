"""Locked splits: extract on train, choose on validation, report on test once."""

from collections import defaultdict
from dataclasses import dataclass
from html import escape

from steerstack.data.items import DataSet, Item
from steerstack.errors import ArgumentError, DataError
from steerstack.util import digest, show


@dataclass(frozen=True)
class Splits:
    """Three disjoint parts of one data set. No question and no group occurs in two of them."""

    train: DataSet
    validation: DataSet
    test: DataSet

    def __repr__(self) -> str:
        sizes = f"{len(self.train)} train, {len(self.validation)} validation, {len(self.test)} test items"
        return show.line(f"<Splits of {show.clip(self.train.behavior, 60)}: {sizes}>")

    def _repr_html_(self) -> str:
        rows = [(name, len(getattr(self, name)), digest[:12]) for name, digest in self.digests.items()]
        return f"<p>{escape(self.train.behavior)}</p>{show.table(('part', 'items', 'digest'), rows)}"

    @property
    def digests(self) -> dict[str, str]:
        """Digest of each part, by name."""
        return {"train": self.train.digest, "validation": self.validation.digest, "test": self.test.digest}

    @property
    def whole(self) -> DataSet:
        """All items, part after part."""
        return self.train.take((*self.train.items, *self.validation.items, *self.test.items))


def split(data: DataSet, *, seed: int = 0, shares: tuple[float, float, float] = (0.4, 0.2, 0.4)) -> Splits:
    """Split a data set into train, validation and test, stratified by topic or letter.

    The place of an item follows from the seed and its question (or its group), not from its row: items that
    share a question or a group stay together, and reordering the file changes nothing.

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
        The shares do not add up to 1, a part would be empty, or a question stands in two groups.
    """
    if abs(sum(shares) - 1) > 1e-9 or min(shares) <= 0:
        raise DataError("The shares of the splits must be positive and add up to 1.", seen=str(shares))
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in data:
        groups[item.kin].append(item)
    strata: dict[str, list[str]] = defaultdict(list)
    for question, items in groups.items():
        strata[min(item.stratum for item in items)].append(question)
    ranked: list[tuple[float, list[Item]]] = []
    for stratum, questions in strata.items():
        order = _interleaved(questions, groups, seed)
        # an offset of the stratum's own, so that rounding favours no part over many small strata
        offset = _draw([seed, "offset", stratum])
        ranked.extend(((rank + offset) / len(order), groups[question]) for rank, question in enumerate(order))
    bounds = (shares[0], shares[0] + shares[1])
    parts: tuple[list[Item], list[Item], list[Item]] = ([], [], [])
    for place, items in ranked:
        parts[0 if place < bounds[0] else 1 if place < bounds[1] else 2].extend(items)
    of_question = {item.question: item.kin for item in data}
    if torn := next((item for item in data if of_question[item.question] != item.kin), None):
        raise DataError(
            "One question stands in two groups, which splits would part.",
            seen=f"{torn.question[:80]!r} in {torn.kin!r:.40} and {of_question[torn.question]!r:.40}",
            fix="Give every row with this question the same group.",
        )
    if not all(parts):
        raise DataError(
            f"{len(data)} items are too few to split in three.",
            seen=f"parts of {', '.join(str(len(part)) for part in parts)}",
            fix="Give at least about 10 items, or other shares.",
        )
    place_of = {item.id: index for index, item in enumerate(data)}
    train, validation, test = (data.take(tuple(sorted(part, key=lambda item: place_of[item.id]))) for part in parts)
    return Splits(train, validation, test)


def _draw(key: object) -> float:
    """A number from 0 up to 1 that follows from the key."""
    return int(digest.of_json(key)[:12], 16) / 16**12


def _interleaved(questions: list[str], groups: dict[str, list[Item]], seed: int) -> list[str]:
    """The questions in a drawn order in which the exhibiting letters alternate."""
    by_letter: dict[int, list[str]] = defaultdict(list)
    for question in sorted(questions, key=lambda question: _draw([seed, question])):
        by_letter[min(item.exhibits for item in groups[question])].append(question)
    order = [
        ((rank + 0.5) / len(of_letter), _draw([seed, "tie", question]), question)
        for of_letter in by_letter.values()
        for rank, question in enumerate(of_letter)
    ]
    return [question for _, _, question in sorted(order)]


def as_data(data: object, part: str) -> DataSet:
    """The data set itself; raises ArgumentError for anything else.

    Parameters
    ----------
    data:
        What was given.
    part:
        Which part of a split is meant where all of it was given: ``train``, ``validation`` or ``test``.
    """
    if isinstance(data, DataSet):
        return data
    if isinstance(data, Splits):
        raise ArgumentError("All three parts of a split are given.", fix=f"Give one of them: parts.{part}.")
    if isinstance(data, str):
        raise ArgumentError(
            "The data set is given by its name.", seen=repr(data), fix=f"Load it: data = load_data({data!r})."
        )
    raise ArgumentError(
        f"A {type(data).__name__} is no data set.",
        fix="Give load_data(...), DataSet.from_pairs([(question, exhibits, not), ...], behavior=NAME) or from_pandas.",
    )
