"""Prompts from a command line and from a file."""

import os
from pathlib import Path

from steerstack.data.table_files import SUFFIXES, cell, read_text, rows
from steerstack.errors import DataError, SteerstackError


def prompts_of(prompt: str | None, file: Path | None) -> list[str]:
    """The prompt that was typed, and those of a file: a line each, or a table's column prompt or question.

    Raises
    ------
    DataError
        The file is missing, or has no prompts.
    SteerstackError
        There is neither.
    """
    prompts = [prompt] if prompt is not None else []
    if file is not None:
        if not os.path.isfile(file):
            raise DataError(f"There is no file {file}.", fix="Check the path; it holds one prompt a line.")
        if file.suffix in SUFFIXES:
            prompts += [cell(file, number, row, "prompt", "question") for number, row in enumerate(rows(file), 1)]
        else:
            prompts += [line.strip() for line in read_text(file).splitlines() if line.strip()]
    if not prompts:
        raise SteerstackError(
            "There is no prompt.",
            fix='Write it after the command, steerstack generate "What now?", or give --prompts FILE.',
        )
    return prompts
