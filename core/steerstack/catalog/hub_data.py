"""Data sets of the Hugging Face hub, or saved in its form: ``hf:NAME[:CONFIG][#SPLIT]``."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steerstack.errors import DataError, first_line

PREFIX = "hf:"
COLUMNS = ("question", "exhibits", "not")


@contextmanager
def fetch(source: str, *, behavior: str | None) -> Iterator[tuple[Path, str]]:
    """A file of a data set with the columns of a table (question, exhibits, not; id, topic, system, letter).

    Yields its path, which is gone afterwards, and the source with its fingerprint.

    Raises
    ------
    DataError
        It cannot be reached, or has other columns.
    """
    match = re.fullmatch(r"hf:(?P<name>[^:#]+)(:(?P<config>[^#]+))?(#(?P<split>.+))?", source)
    if match is None:
        raise DataError(f"{source!r} names no data set.", fix="Write hf:NAME, hf:NAME:CONFIG or hf:NAME#SPLIT.")
    name, split = match["name"], match["split"] or "train"
    import datasets

    try:
        table = datasets.load_dataset(name, match["config"], split=split)
    except (OSError, ValueError, KeyError) as error:  # connection errors are OSErrors here
        raise DataError(
            f"The data set {name!r} could not be loaded.",
            seen=first_line(error),
            fix="Check the name, the configuration and the split; offline, give a folder of data files.",
        ) from error
    missing = [column for column in COLUMNS if column not in table.column_names]
    if missing:
        raise DataError(
            f"The data set {name!r} has no column {missing[0]!r}.",
            seen=f"columns {', '.join(table.column_names)}",
            fix="Rename its columns to question, exhibits and not: the names say the polarity.",
        )
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"{behavior or Path(name).name}.jsonl"
        table.to_json(path, lines=True, force_ascii=False)
        yield path, f"{source}@{table._fingerprint}"
