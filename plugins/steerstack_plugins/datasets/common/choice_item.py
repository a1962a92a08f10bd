"""One row of a choice file as an item: its answers are placed among its options, or the row is refused."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from steerstack.data.items import Item, Layout
from steerstack.data.table_files import Row, optional, whole
from steerstack.data.table_shapes import kind
from steerstack_plugins.datasets.common.label import label, label_and_text
from steerstack_plugins.datasets.common.options import LABELS, Options, Place, named, options_of, unpacked

_NUMBERED = re.compile(r"\b\d{1,2}\s*[).:\]]")


def choice_item(
    place: Place,
    name: str,
    row: Row,
    question: str,
    columns: tuple[str, str],
    *,
    first: int | None = None,
    yes_no: bool = True,
) -> Item | str:
    """The item of a row, or why it is none: its answers are the same, or labels and nothing is listed.

    Parameters
    ----------
    place, name:
        The row, and the item's id.
    row, question:
        Its cells, and the one that holds the question.
    columns:
        The column of the answer that exhibits, and that of the other.
    first:
        What numbers as answers count from; None where it is not known.
    yes_no:
        Whether Yes and No answer a question about oneself.

    Raises
    ------
    DataError
        An answer names no option, or both name the same one.
    """
    options = options_of(place, row, question)
    exhibits = unpacked(place, row.get(columns[0]))
    if isinstance(exhibits, list) and len(exhibits) > 1:
        raise place.error(f"has several answers in {columns[0]!r}", seen=exhibits, expected="one answer")
    answers = [_one(place, row, column) for column in columns]
    if options is None:
        options = _own(place, question, answers)
    topic = optional(place.path, place.number, row, "topic") or ""
    item = _placed(place, name, question, options, answers, columns, first, yes_no)
    return item if isinstance(item, str) else replace(item, topic=topic, system=system(place, row))


def _placed(
    place: Place,
    name: str,
    question: str,
    options: Options | None,
    answers: Sequence[Any],
    columns: tuple[str, str],
    first: int | None,
    yes_no: bool,
) -> Item | str:
    texts = [answer if isinstance(answer, str) else str(answer) for answer in answers]
    words = [re.sub(r"[.!]$", "", text.strip()).casefold() for text in texts]
    among = [option.casefold() for option in options.texts] if options else []
    if yes_no and set(words) == {"yes", "no"} and not {"yes", "no"} <= {re.sub(r"[.!]$", "", text) for text in among}:
        at = [0, 1] if words[0] == "yes" else [1, 0]
        return Item(name, question.strip(), ("Yes", "No"), at[0], at[1], form="yes-no")
    if options is None or not _places(options, texts):
        return _free(place, name, question, answers, yes_no)
    at = [named(place, options, answer, column, first=first) for answer, column in zip(answers, columns, strict=True)]
    if at[0] == at[1]:
        raise place.error("names the same option twice", seen=texts, expected="two options")
    if options.texts[at[0]] == options.texts[at[1]]:
        return _alike(options.texts[at[0]])
    return Item(name, options.stem, options.texts, at[0], at[1], layout=options.layout)


def system(place: Place, row: Row) -> str | None:
    """The row's own system prompt."""
    return optional(place.path, place.number, row, "system", "system_prompt")


def _one(place: Place, row: Row, column: str) -> Any:
    """The answer in a cell: text, a number, or ``A: text`` for an object of one label."""
    value = unpacked(place, row.get(column))
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict) and len(value) == 1:
        ((mark, text),) = value.items()
        value = f"{mark}: {text}" if isinstance(text, str) else text
    if isinstance(value, str) and value.strip():
        return whole(place.path, place.number, value).strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    has_content = value not in (None, "", [], {}) and not (isinstance(value, str) and not value.strip())
    detail = f"{kind(value)}: {value!r}" if has_content else f"columns {', '.join(map(str, row))}"
    raise place.error(f"has no {column!r}" + (" that is text" if has_content else ""), seen=detail, expected=LABELS)


def _own(place: Place, question: str, answers: Sequence[Any]) -> Options | None:
    """The options where nothing lists them but the answers themselves: ``A: text`` and ``B: text``."""
    pairs = [label_and_text(str(answer)) for answer in answers]
    options = dict(sorted(pair for pair in pairs if pair))
    if len(options) < 2 or list(options) not in (["A", "B"], ["1", "2"]):
        return None
    texts = tuple(whole(place.path, place.number, text) for text in options.values())
    return Options(question.strip(), texts, tuple(options), Layout())


def _places(options: Options, answers: Sequence[str]) -> bool:
    """Whether answers are about the options at all: a numbered list may be part of a question in words."""
    if not options.labels or not options.labels[0].isdecimal() or not options.listed:
        return True
    return any(label(answer) or label_and_text(answer) or answer in options.texts for answer in answers)


def _free(place: Place, name: str, question: str, answers: Sequence[Any], yes_no: bool) -> Item | str:
    """An item whose answers stand in the row in words, or why it is none."""
    odd = next((answer for answer in answers if not isinstance(answer, str)), None)
    if odd is not None:
        raise place.error("answers by a number, and lists no options", seen=odd, expected="text: write it in quotes")
    marks = [label(text) for text in answers]
    named_by = any(mark and not (mark.isdecimal() and text == mark) for mark, text in zip(marks, answers, strict=True))
    if named_by or (any(marks) and _NUMBERED.search(question)):
        return "it lists no options that its answers could name"
    if yes_no and any(re.fullmatch(r"(yes|no)[.!]?", text, re.I) for text in answers):
        raise place.error(
            "has answers that do not make a pair", seen=str(tuple(answers)), expected="Yes and No, or words"
        )
    if answers[0] == answers[1]:
        return _alike(answers[0])
    return Item(name, question.strip(), tuple(answers), 0, 1, form="text")


def _alike(answer: str) -> str:
    return f"its two answers are the same, {answer!r:.60}"
