"""Planted items as a data file, for what takes data by name alone."""

import tempfile
from functools import cache
from pathlib import Path

from steerstack.testing import planted_data


@cache
def planted_file(pairs: int, first: int) -> str:
    """A CSV file of so many planted items, which begin at some number."""
    file = Path(tempfile.mkdtemp()) / "planted.csv"
    rows = [f'"{one.question}","{one.exhibits_text}","{one.contrast_text}"' for one in planted_data(pairs, first=first)]
    file.write_text("\n".join(["question,exhibits,not", *rows]), encoding="utf-8")
    return str(file)
