"""The rows that come with steerstack."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from steerstack_plugins.sandbagging.audit.row import OrganismRow, Split


def path_of(split: Split) -> Path:
    """The file of one part of the population."""
    from importlib.resources import files
    from pathlib import Path

    return Path(str(files("steerstack_plugins.sandbagging.population") / f"{split}.jsonl"))


def rows_of(split: Split) -> tuple[OrganismRow, ...]:
    """The rows of one part of the population."""
    from steerstack_plugins.sandbagging.audit.row import read_rows

    return read_rows(path_of(split))
