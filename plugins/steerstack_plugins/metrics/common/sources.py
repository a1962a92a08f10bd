"""Where a metric's items come from: a path, a published set at hand, or what ships with it."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from steerstack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.data.items import DataSet

VARIABLE = "STEERSTACK_DATA"
"""Environment variable that names a folder of published data sets."""


def shipped(name: str) -> Path:
    """A file of our own writing, beside the metrics."""
    return Path(str(files("steerstack_plugins.metrics") / "own" / name))


def locate(data: str, published: str, own: str) -> Path:
    """The file or folder that a metric reads.

    Parameters
    ----------
    data:
        A path; empty for the default.
    published:
        Where the published set lies within the folder that ``STEERSTACK_DATA`` names: the
        default where it is there.
    own:
        Name of the shipped file: the default elsewhere.

    Raises
    ------
    DataError
        There is nothing at the path.
    """
    if not data:
        folder = os.environ.get(VARIABLE)
        file = Path(folder) / published if folder else None
        return file if file and os.path.exists(file) else shipped(own)
    path = Path(data)
    if not os.path.exists(path):
        raise DataError(f"There is no data file {path}.", fix="Check the path, or leave data out for the default.")
    return path


def origin(path: Path) -> str:
    """How a result names its data: a path, or ``steerstack:NAME`` for ours."""
    return f"steerstack:{path.stem}" if path.parent == shipped("x").parent else str(path)


def own_rows(
    data: str, own: str, *columns: Sequence[str], limit: int | None
) -> tuple[list[tuple[str, ...]], dict[str, object]]:
    """Id and cells of each row of a table, and for the record where they are from.

    Parameters
    ----------
    data:
        A path; empty for the shipped table.
    own:
        Name of the shipped table.
    columns:
        What is read of a row, each column under any of its names.
    limit:
        Number of rows, from the first on; None for all.

    Raises
    ------
    DataError
        There is nothing at the path, or a row has not these columns.
    """
    from steerstack.data.table_files import cell, rows
    from steerstack.util import digest

    path = locate(data, "", own) if data else shipped(own)
    table = [
        (str(row.get("id") or f"{path.stem}-{n}"), *(cell(path, n, row, *names) for names in columns))
        for n, row in enumerate(rows(path), 1)
    ][:limit]
    return table, {"data": origin(path), "data_digest": digest.of_json(table), "n": len(table)}


def behavior_data(metric: str, source: str, *, matching: str | None, limit: int | None) -> DataSet:
    """The items of one behaviour, with the polarity that the file has or that the caller states.

    Parameters
    ----------
    metric:
        Name of the behaviour that is measured.
    source:
        A path, or a shipped behaviour; empty for the shipped one of that name.
    matching:
        ``exhibits`` or ``declines``, where the file does not say what its matching answer does.
    limit:
        Number of items, from the first on; None for all.

    Raises
    ------
    DataError
        The data set is known to be about another behaviour.
    PolarityError
        Nobody said what the matching answer means.
    """
    from steerstack.catalog.data import behaviors, load_data

    data = load_data(source or metric, behavior=metric if matching else None, matching=matching)
    others = {*behaviors(), "high-discount-rate", "low-discount-rate"} - {metric}
    if data.behavior in others:
        raise DataError(
            f"{data.source} is about {data.behavior}, not {metric}.",
            seen=f"its exhibiting answer {data.polarity}",
            fix=f"Use data on {metric}, or another metric.",
        )
    return replace(data, behavior=metric).limit(limit)
