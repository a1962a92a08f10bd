"""Data: readers of files, and sources of shipped data sets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from steerstack.data.items import DataSet


class DataFormat(ABC):
    """Reads one kind of data file."""

    name: ClassVar[str]

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether the file looks like this kind."""

    @abstractmethod
    def load(self, path: Path, *, behavior: str | None = None, matching: str | None = None) -> DataSet:
        """Read the file.

        Parameters
        ----------
        path:
            The file.
        behavior:
            Name of the behaviour, where the file does not say.
        matching:
            ``exhibits`` or ``declines``: what the "matching" answer does, where the file
            does not say.

        Raises
        ------
        PolarityError
            The file does not say what its matching answer means, and neither does the caller.
        """


class BehaviorSource(ABC):
    """Ships data sets by name of the behaviour."""

    name: ClassVar[str]

    @abstractmethod
    def behaviors(self) -> Sequence[str]:
        """Names of the behaviours that it has."""

    @abstractmethod
    def load(self, behavior: str) -> DataSet:
        """The data set of one behaviour."""
