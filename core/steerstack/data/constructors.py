"""Data sets from what a notebook holds: pairs, a frame, a data set of the hub."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steerstack.errors import ArgumentError, DataError
from steerstack.util import show
from steerstack.util.text import file_name

if TYPE_CHECKING:
    from steerstack.data.items import DataSet

COLUMNS = ("question", "exhibits", "not")
_PAIRS = "Write [(question, exhibits, not), ...], each a text."


class FromMemory:
    """The ways to a :class:`~steerstack.DataSet` that need no file; each reads rows as a table file of them is read."""

    @classmethod
    def from_pairs(cls, pairs: Sequence[tuple[str, str, str]], *, behavior: str) -> DataSet:
        """A data set from ``(question, exhibits, not)``: what is asked, and the answer that does and does not show it.

        It is the data set that a CSV file of the same rows gives, if it has the behaviour's name.

        Raises
        ------
        ArgumentError
            An entry is not three texts.
        DataError
            A text is empty, or there are no pairs.
        """
        if isinstance(pairs, str) or not isinstance(pairs, Sequence):
            raise ArgumentError(f"A {type(pairs).__name__} is no list of pairs.", fix=_PAIRS)
        for number, pair in enumerate(pairs, 1):
            texts = isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 3
            if not (texts and all(isinstance(part, str) for part in pair)):
                raise ArgumentError(f"Pair {number} is not three texts.", seen=show.clip(repr(pair), 60), fix=_PAIRS)
        rows = [dict(zip(COLUMNS, pair, strict=True)) for pair in pairs]
        return _loaded("\n".join(json.dumps(row) for row in rows), behavior, "pairs")

    @classmethod
    def from_pandas(cls, frame: Any, *, behavior: str) -> DataSet:
        """A data set from a pandas DataFrame with the columns question, exhibits and not.

        Further columns are read as those of a table file: id, topic, system, letter.

        Raises
        ------
        ArgumentError
            It is no data frame.
        DataError
            A column is missing, or a cell is empty.
        """
        if not hasattr(frame, "columns") or not hasattr(frame, "to_json"):
            raise ArgumentError(f"A {type(frame).__name__} is no data frame.", fix="Give a pandas DataFrame.")
        missing = [column for column in COLUMNS if column not in frame.columns]
        if missing:
            raise DataError(
                f"The frame has no column {missing[0]!r}.",
                seen=f"columns {', '.join(map(str, frame.columns))}",
                fix="Rename its columns to question, exhibits and not: the names say the polarity.",
            )
        return _loaded(frame.to_json(orient="records", lines=True), behavior, "frame")

    @classmethod
    def from_hf(
        cls, source: Any, *, behavior: str | None = None, config: str | None = None, split: str | None = None
    ) -> DataSet:
        """A data set of the Hugging Face hub with the columns question, exhibits and not.

        Parameters
        ----------
        source:
            Its name, or one split of it as ``datasets`` loaded it.
        behavior:
            Name of the behaviour; the data set's own name by default.
        config, split:
            Which part of it; ``train`` by default.

        Raises
        ------
        ArgumentError
            It is neither a name nor a data set.
        DataError
            It cannot be reached, or a column is missing.
        """
        if isinstance(source, str):
            from steerstack import load_data

            name = (
                f"hf:{source.removeprefix('hf:')}" + (f":{config}" if config else "") + (f"#{split}" if split else "")
            )
            return load_data(name, behavior=behavior)
        if not hasattr(source, "column_names") or not hasattr(source, "to_pandas"):
            raise ArgumentError(
                f"A {type(source).__name__} is no data set of the hub.", fix="Give its name, or one split of it."
            )
        if not behavior:
            raise ArgumentError("A loaded data set does not say its behaviour.", fix="Give behavior=NAME.")
        return cls.from_pandas(source.to_pandas(), behavior=behavior)


def _loaded(lines: str, behavior: str, source: str) -> DataSet:
    """The data set of JSON lines, read as a file of them is; errors name ``source`` in place of the file."""
    from steerstack import load_data

    if not lines.strip():
        raise DataError("There are no pairs.", fix=_PAIRS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{file_name(behavior)}.jsonl"
        path.write_text(lines, encoding="utf-8")
        try:
            return replace(load_data(path, behavior=behavior, format="tables"), source=source)
        except DataError as error:
            problem, evidence = (text.replace(str(path), source) for text in (error.happened, error.seen))
            raise type(error)(problem, seen=evidence, fix=error.fix) from None
