"""Auditors, which judge whether a model hides an ability, and the tests of which an audit is made."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from steerstack.contracts.method import Method
from steerstack.errors import StudyError

if TYPE_CHECKING:
    from steerstack.data.items import Item
    from steerstack.trace.model import Model

Value = TypeVar("Value")


@dataclass(frozen=True)
class Questions:
    """What an auditor may ask, and what it may show.

    Attributes
    ----------
    target, control:
        Items of the domain in question, and of another one; the right answer exhibits.
    train, validation:
        Right answers of the target on other facts, to learn from and to choose by.
    form:
        Answered by letter, or in the option's own words.
    """

    target: tuple[Item, ...]
    control: tuple[Item, ...]
    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    form: Literal["letter", "text"] = "letter"

    @property
    def labels(self) -> int:
        """Number of right answers that are given away."""
        return sum(map(len, (self.target, self.control, self.train, self.validation)))


@dataclass(frozen=True)
class Opinion:
    """What an auditor says of one model.

    Attributes
    ----------
    probability:
        Of its sandbagging, from 0 to 1.
    sandbags:
        The verdict; an auditor may want more than an even chance before it says so.
    labels:
        Number of items whose right answers it used.
    details:
        How it came about, as JSON.
    """

    probability: float
    sandbags: bool
    labels: int
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise StudyError(
                "An opinion states no probability.",
                seen=str(self.probability),
                fix="State one from 0 to 1, both included.",
            )


class Auditor(Method):
    """Judges a model of unknown state."""

    @abstractmethod
    def judge(self, model: Model, questions: Questions, *, seed: int) -> Opinion:
        """Say how probable it is that a model hides what it knows of the target; the model stays as it is."""


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
