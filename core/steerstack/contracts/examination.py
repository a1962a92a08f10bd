"""Tests of an audit: each looks for one kind of evidence that a model hides an ability."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from steerstack.contracts.auditor import Questions
    from steerstack.trace.model import Model

Value = TypeVar("Value")


@dataclass(frozen=True)
class Examination:
    """A model under audit, with what it may be asked and what other tests of the battery have computed already.

    Attributes
    ----------
    model:
        Its state is unknown; it stays as it is.
    questions:
        What may be asked and shown.
    seed:
        Of whatever is drawn.
    shared:
        What :meth:`once` has made.
    """

    model: Model
    questions: Questions
    seed: int = 0
    shared: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What was made under a key: plain answers, or a trained copy, that several tests read."""
        if key not in self.shared:
            self.shared[key] = make()
        return cast("Value", self.shared[key])


@dataclass(frozen=True)
class AuditOutcome:
    """What one test found in one model.

    Attributes
    ----------
    value:
        Higher where more is hidden, as a share where it is one.
    counts:
        For each fact how much oftener each option was chosen than when asked plainly, the right option first: the
        audit's p-value is exact over these. None for a test that has no such p-value.
    details:
        How it came about, as JSON.
    """

    value: float
    counts: tuple[tuple[int, ...], ...] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class AuditTest(Method):
    """Looks for one kind of evidence that a model hides what it knows of the target."""

    @abstractmethod
    def look(self, examination: Examination) -> AuditOutcome:
        """Examine a model; it stays as it is."""
