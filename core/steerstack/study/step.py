"""A step of a study: a pure description of some work on a model, which any process with the model can do."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from steerstack.trace.model import Model


class Step(ABC):
    """One entry of a ledger, before it is computed. Picklable: it holds no model.

    Attributes
    ----------
    what:
        Its name, for people.
    """

    what: str

    @abstractmethod
    def key(self, model: Model) -> Any:
        """JSON of everything that decides the result."""

    @abstractmethod
    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """Do it; returns a JSON value. ``progress`` is told what more is done, in the step's own units."""

    @property
    def size(self) -> int:
        """How many of its units it is in all."""
        return 1
