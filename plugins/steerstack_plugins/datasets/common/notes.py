"""What the reader of a choice file should know of it."""

from collections.abc import Iterator, Sequence
from typing import Any

from steerstack.data.table_files import Row
from steerstack_plugins.datasets.common.label import label
from steerstack_plugins.datasets.common.option_list import parse_listed


def edge_spaces(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """A note that counts the answers, or questions, whose edge spaces were taken off; none where there are none."""
    texts = [text for row in rows for column in columns for text in _texts(row.get(column))]
    count = sum(text != text.strip() for text in texts if label(text) is None and text.strip() not in ("Yes", "No"))
    return [f"{count} texts had spaces at their edges, which were taken off"] if count else []


def relabelled(rows: Sequence[Row]) -> list[str]:
    """A note that counts the lists of questions that are not asked verbatim; none where there are none."""
    listings = [parse_listed(row["question"]) for row in rows if isinstance(row.get("question"), str)]
    count = sum(listing is not None and not listing.verbatim for listing in listings)
    return (
        [f"{count} questions list their options otherwise than by (A); they are asked with (A), (B), ..."]
        if count
        else []
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part) if not isinstance(part, list | dict) else ()
