"""Vector formats: vectors from, and for, other tools."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

    from steerstack.steering.vector import SteeringVector


class VectorFormat(ABC):
    """Reads and writes one kind of vector file.

    Attributes
    ----------
    convention:
        One sentence: at which site and layer the format's tensors stand, and how they are scaled.
    generic:
        Whether its files bear no mark of their own; such a format is asked last whether it knows a file.
    suffixes:
        Endings that no other kind of file has; such a file that cannot be read is told why.
    n_layers:
        The number of the model's blocks, where the caller knows it: for files that count from the end, or
        that have a row more than there are blocks.
    """

    name: ClassVar[str]
    convention: ClassVar[str]
    generic: ClassVar[bool] = False
    suffixes: ClassVar[tuple[str, ...]] = ()
    n_layers: int | None = None

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether the file looks like this kind."""

    @abstractmethod
    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """Read a file, in steerstack's convention; raises VectorError, or UnsafeFileError for a pickle.

        Parameters
        ----------
        path:
            The file.
        layer:
            Layer of the direction, where the file does not say.
        """

    @abstractmethod
    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write a file; raises VectorError where the format cannot hold the vector."""
