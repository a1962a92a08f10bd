"""The options of an item, from its question or from a column, and which of them an answer names."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steerstack.data.items import LETTERS, Layout
from steerstack.data.table_files import Row, whole
from steerstack.data.table_shapes import kind
from steerstack.errors import DataError
from steerstack.util.guard import load_json
from steerstack_plugins.datasets.common.label import label, label_and_text
from steerstack_plugins.datasets.common.option_list import parse_listed

COLUMNS = ("choices", "options", "answers", "answer_choices", "answer_options", "answer")
"""Columns that may hold an item's options, as a list or by label."""

LABELS = "(A), A, a, A., A), (1), 1, 'A: text', or the option's own text"


@dataclass(frozen=True)
class Place:
    """A row of a file, for errors."""

    path: Path
    number: int

    def error(self, what: str, *, seen: object, expected: str) -> DataError:
        """An error that names the row, what was seen and what was expected."""
        text = seen if isinstance(seen, str) else repr(seen)
        return DataError(f"Row {self.number} of {self.path} {what}.", seen=text[:200], fix=f"Expected: {expected}.")


@dataclass(frozen=True)
class Options:
    """The options of one item.

    Attributes
    ----------
    stem:
        The question without a list.
    texts, labels:
        The options in their order, and what each is called; no labels for a bare list.
    layout:
        How they are listed.
    listed:
        Whether the question lists them.
    verbatim:
        Whether the list is asked as the source writes it.
    """

    stem: str
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    layout: Layout
    listed: bool = False
    verbatim: bool = True


def options_of(place: Place, row: Row, question: str) -> Options | None:
    """The options that a row lists, in a column or in its question; None where there are none.

    Raises
    ------
    DataError
        They cannot be read, or the column and the question list different ones.
    """
    listing = parse_listed(question)
    columns = _column(place, row)
    if listing is None and columns is None:
        return None
    if columns is None:
        assert listing is not None
        return Options(listing.stem, listing.texts, listing.labels, listing.layout, True, listing.verbatim)
    texts, labels = columns
    if len(texts) > len(LETTERS):
        raise place.error("has too many options", seen=f"{len(texts)}", expected=f"at most {len(LETTERS)}")
    if listing is None:
        return Options(question.strip(), texts, labels, Layout())
    if listing.texts != texts:
        raise place.error(
            "lists other options in its question than beside it",
            seen=f"{list(listing.texts)} and {list(texts)}",
            expected="the same options, or only one list",
        )
    return Options(listing.stem, texts, labels or listing.labels, listing.layout, True, listing.verbatim)


def _column(place: Place, row: Row) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Texts and labels of the options beside the question; None where there are none."""
    columns = {name: value for name in COLUMNS if isinstance(value := unpacked(place, row.get(name)), list | dict)}
    several = {name: value for name, value in columns.items() if len(value) > 1}
    if len(several) > 1:
        raise place.error("has several columns of options", seen=", ".join(several), expected="one")
    if several:
        ((name, value),) = several.items()
        return _texts(place, name, value)
    letters = [letter for letter in LETTERS[:10] if isinstance(row.get(letter), str) and str(row[letter]).strip()]
    if len(letters) > 1 and letters == list(LETTERS[: len(letters)]):
        return tuple(whole(place.path, place.number, row[letter]).strip() for letter in letters), tuple(letters)
    return None


def unpacked(place: Place, value: Any) -> Any:
    """A cell of a CSV file that holds a list or an object, as that; any other value as it is."""
    if not (isinstance(value, str) and value.strip()[:1] in ("[", "{") and value.strip()[-1:] in ("]", "}")):
        return value
    text = value.strip()
    if label(text) or label_and_text(text):
        return value  # [A]
    for parse in (load_json, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    raise place.error("holds a list that cannot be read", seen=text[:80], expected='JSON, such as ["one", "two"]')


def _texts(place: Place, name: str, value: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Texts and labels of options written as a list, by label, or as objects with a text and a label."""
    if isinstance(value, dict) and {"text", "label"} <= set(value):  # ARC writes lists of texts and of labels
        value = [{"text": text, "label": mark} for text, mark in _zipped(place, name, value)]
    labels: Sequence[Any] = ()
    if isinstance(value, dict):
        labels, texts = list(value), list(value.values())
    elif all(isinstance(entry, Mapping) for entry in value):
        texts = [entry.get("text", entry.get("content")) for entry in value]
        labels = [entry.get("label", entry.get("id")) for entry in value]
        labels = () if set(labels) == {None} else labels
    else:
        texts = value
    odd = next((text for text in texts if not (isinstance(text, str) and text.strip())), None)
    if odd is not None or not all(isinstance(text, str) for text in texts):
        raise place.error(f"has options in {name!r} that are not text", seen=f"{kind(odd)}: {odd}", expected="text")
    plain_texts = tuple(whole(place.path, place.number, text).strip() for text in texts)
    marks = tuple(label(str(mark)) for mark in labels)
    if None in marks or len(set(marks)) < len(marks):
        raise place.error(
            f"has labels in {name!r} that are not known",
            seen=", ".join(map(str, labels)),
            expected="A, B, ... or 1, 2, ...",
        )
    names = tuple(mark for mark in marks if mark is not None)
    inside = [label_and_text(text) for text in plain_texts]
    prefixes = [pair[0] for pair in inside if pair]
    if prefixes == list(LETTERS[: len(plain_texts)]) or prefixes == [str(n + 1) for n in range(len(plain_texts))]:
        return tuple(pair[1] for pair in inside if pair), names or tuple(
            prefixes
        )  # "A. text": the label is none of the text
    return plain_texts, names


def _zipped(place: Place, name: str, value: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    texts, labels = value["text"], value["label"]
    if not (isinstance(texts, list) and isinstance(labels, list) and len(texts) == len(labels)):
        raise place.error(
            f"has options in {name!r} that cannot be read", seen=value, expected="as many texts as labels"
        )
    return list(zip(texts, labels, strict=True))


def named(place: Place, options: Options, answer: Any, what: str, *, first: int | None = None) -> int:
    """Which option an answer names.

    Parameters
    ----------
    answer:
        A label, the option's text, both (``A: text``), or a number.
    what:
        The answer's column, for errors.
    first:
        What the first option is called where options have no labels and answers are numbers: 0 or 1.

    Raises
    ------
    DataError
        It names none, or more than one.
    """
    if isinstance(answer, bool) or not isinstance(answer, str | int):
        raise place.error(f"has no {what!r} that names an option", seen=f"{kind(answer)}: {answer!r}", expected=LABELS)
    text = str(answer).strip()
    indices = {index for index, option in enumerate(options.texts) if option == text}
    mark, both = label(text), label_and_text(text)
    labels = _labels(options, mark, first)
    if mark in labels:
        indices.add(labels.index(mark))
    if both and both[0] in labels and _same(options.texts[labels.index(both[0])], both[1]):
        indices.add(labels.index(both[0]))
    if not indices and text:
        indices = {index for index, option in enumerate(options.texts) if _same(option, text)}
    if len(indices) == 1:
        return indices.pop()
    listing = "; ".join(f"{name} {option}" for name, option in zip(labels, options.texts, strict=False))
    raise place.error(
        f"has a {what!r} that names {'several' if indices else 'none'} of its options",
        seen=f"{text[:60]!r}; options {listing[:120] or list(options.texts)}",
        expected=LABELS
        if labels
        else "a letter, or the option's text: whether numbers count from 0 or from 1 does not show in the file",
    )


def _labels(options: Options, mark: str | None, first: int | None) -> tuple[str, ...]:
    """What the options are called where an answer is called so: as labelled, or counted."""
    number = mark is not None and mark.isdecimal()
    if options.labels and options.labels[0].isdecimal() == number:
        return options.labels
    if not number:
        return options.labels or tuple(LETTERS[: len(options.texts)])
    return () if first is None else tuple(str(first + index) for index in range(len(options.texts)))


def _same(one: str, other: str) -> bool:
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def first_number(rows: Sequence[Row], columns: Sequence[str], counts: Sequence[int]) -> int | None:
    """Whether the numbers of a file's answers count from 0 or from 1; None where the file does not show it.

    Parameters
    ----------
    rows, columns:
        The rows, and the columns of answers.
    counts:
        The number of options of each row.
    """
    zero = one = False
    for row, count in zip(rows, counts, strict=True):
        for name in columns:
            value = row.get(name)
            for part in value if isinstance(value, list) else [value]:
                mark = label(str(part)) if isinstance(part, str | int) and not isinstance(part, bool) else None
                if mark is not None and mark.isdecimal():
                    zero, one = zero or int(mark) == 0, one or int(mark) == count
    return None if zero == one else 0 if zero else 1
