"""A step of a study: a pure description of some work on a model, which any process with the model can do."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

from steerstack.trace.model import Model


class Step(ABC):
    """One entry of a ledger, before it is computed. Picklable: it holds no model.

    Attributes
    ----------
    what:
        Its name, for people.
    """

    what: str

    @property
    def code(self) -> tuple[str, ...]:
        """Modules that compute it, beside all that they import: a step is done again where they changed."""
        return (type(self).__module__,)

    @property
    def phase(self) -> str:
        """The part of the study to which it belongs, said once when the first step of it is begun; empty for none."""
        return ""

    @abstractmethod
    def key(self, model: Model) -> Any:
        """JSON of everything that decides the result."""

    @abstractmethod
    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """Do it; returns a JSON value. ``progress`` is told what more is done, in the step's own units."""

    def shares_with(self, other: "Step") -> bool:
        """Whether :meth:`run_together` saves work where this step follows on another one; by default it saves none."""
        return False

    @classmethod
    def run_together(cls, steps: Sequence[Self], model: Model, progress: Callable[[int], None]) -> list[Any]:
        """The value of each of several steps that share work, as :meth:`run` gives it."""
        return [step.run(model, progress) for step in steps]

    @property
    def size(self) -> int:
        """How many of its units it is in all."""
        return 1
