"""Find data by a path, by a behaviour's name, by a published set's name, or on the hub."""

import difflib
import os
from dataclasses import replace
from pathlib import Path

from steerstack.catalog import hub_data, published_data
from steerstack.catalog.lookup import find
from steerstack.catalog.manager import plugins
from steerstack.data.items import DataSet
from steerstack.data.likeness import likeness_note
from steerstack.data.table_files import SUFFIXES, rows
from steerstack.errors import DataError, nearest
from steerstack.util.guard import check_regular


def behaviors() -> dict[str, str]:
    """Every shipped behaviour, and the name of the source that has it."""
    return {behavior: name for name, cls in plugins().offers("dataset").items() for behavior in cls().behaviors()}


def other_behaviors(behavior: str, count: int) -> list[DataSet]:
    """Shipped data sets of up to ``count`` other behaviours, for vectors that are unrelated to this one."""
    others = [name for name in sorted(behaviors()) if name != behavior]
    return [load_data(name) for name in others[:count]]


def _file(name: str) -> Path:
    """A file of one's own, or a published one."""
    path = Path(name)
    if os.path.isfile(path):
        return path
    if os.path.exists(path):
        try:
            check_regular(path)
        except OSError as error:
            raise DataError(f"{path} is no data file.", seen=str(error), fix="Give the file itself.") from error
    if name in published_data.published():
        return published_data.fetch(name)
    if "/" not in name and not path.suffix:
        raise DataError(f"There is no file or behaviour {name!r}.", fix=nearest(name, behaviors()))
    close = difflib.get_close_matches(name, published_data.published(), n=1)
    hint = f" Did you mean the published set {close[0]!r}?" if close else ""
    raise DataError(f"There is no data file {path}.", fix=f"Check the path.{hint}")


def load_data(
    source: str | Path, *, behavior: str | None = None, matching: str | None = None, format: str | None = None
) -> DataSet:
    """Load a data set: a file, a shipped behaviour by its name, a published set, or one from the hub.

    Parameters
    ----------
    source:
        Path of a file; the name of a behaviour such as ``sycophancy``; the name of a published
        file such as ``caa/test/sycophancy/test_dataset_ab.json`` (see :mod:`steerstack.catalog.published_data`);
        or ``hf:NAME[:CONFIG][#SPLIT]``, a Hugging Face data set with the columns of a table.
    behavior:
        Name of the behaviour, where the file does not say.
    matching:
        ``exhibits`` or ``declines``: what the file's "matching" answer does, where it does not say.
    format:
        Name of the data format; None finds it out.

    Raises
    ------
    DataError
        The file is missing, or has no format that is known.
    PolarityError
        Nobody said what the matching answer means.
    """
    data = _loaded(str(source), behavior, matching, format)
    return replace(data, notes=(*data.notes, *likeness_note(data.items)))


def _loaded(name: str, behavior: str | None, matching: str | None, format: str | None) -> DataSet:
    if not os.path.exists(name):
        if name.startswith(hub_data.PREFIX):
            with hub_data.fetch(name, behavior=behavior) as (path, source):
                return replace(_loaded(str(path), behavior, None, None), source=source)
        shipped = name.removeprefix("steerstack:")  # as results name it
        if shipped in behaviors():
            return plugins().offers("dataset")[behaviors()[shipped]]().load(shipped)
    path = _file(name)
    data = _read(path, behavior, matching, format)
    return data if path == Path(name) else replace(data, source=name)  # a published set, wherever its file lies


def _read(path: Path, behavior: str | None, matching: str | None, format: str | None) -> DataSet:
    if format is not None:
        return find("data-format", format)().load(path, behavior=behavior, matching=matching)
    for cls in plugins().offers("data-format").values():
        reader = cls()
        if reader.recognises(path):
            return reader.load(path, behavior=behavior, matching=matching)
    description = f"{path.stat().st_size} bytes, suffix {path.suffix!r}"
    if path.suffix in SUFFIXES:
        description = f"columns {', '.join(map(str, rows(path)[0]))[:200]}"  # a file that is cut short is called that
    raise DataError(
        f"{path} has no format that steerstack knows.",
        seen=description,
        fix=f"Known formats: {', '.join(sorted(plugins().offers('data-format')))}. "
        "The simplest is a CSV or JSONL file with columns question, exhibits, not.",
    )
