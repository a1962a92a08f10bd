"""Vector formats: vectors from, and for, other tools."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

    from steerstack.vector import SteeringVector


class VectorFormat(ABC):
    """Reads and writes one kind of vector file.

    Attributes
    ----------
    convention:
        One sentence: at which site and layer the format's tensors stand, and how they are scaled.
    """

    name: ClassVar[str]
    convention: ClassVar[str]

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether the file looks like this kind."""

    @abstractmethod
    def read(self, path: Path) -> SteeringVector:
        """Read a file, in steerstack's convention; raises VectorError, or UnsafeFileError for a pickle."""

    @abstractmethod
    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write a file; raises VectorError where the format cannot hold the vector."""
