"""Baselines: what a vector has to beat, or to help on top of: prompts, demonstrations, training."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steerstack.data.items import DataSet
    from steerstack.steering.intervention import Plan
    from steerstack.trace.model import Model


@dataclass(frozen=True)
class Tuned:
    """A model brought to exhibit the behaviour, and what that cost.

    Attributes
    ----------
    model:
        The model with its new weights; the given one where none change.
    parameters:
        Number of trained parameters.
    seconds:
        Time it took.
    record:
        How it was trained and selected, for the record.
    system, shots:
        The system prompt and the demonstrations that stand before every question.
    flops:
        Floating-point operations of training and selection: 2 a parameter and token for a forward
        pass, 6 with a backward one (Kaplan et al., arXiv 2001.08361, sec. 2.1).
    context_tokens:
        Tokens that it adds to every prompt, on average over the items.
    plan:
        Edits of activations that were trained; None where there are none.
    """

    model: Model
    parameters: int
    seconds: float
    record: Mapping[str, Any]
    system: str | None = None
    shots: tuple[tuple[str, str], ...] = ()
    flops: float = 0.0
    context_tokens: int = 0
    plan: Plan | None = None


class Baseline(Method):
    """Brings a model to exhibit the behaviour, as honestly as the vectors are made.

    Attributes
    ----------
    trains:
        Whether it changes weights; the others leave the model as it is and change what stands
        before the question, or edit activations.
    differentiates:
        Whether one that changes no weights takes gradients through the model; then it runs on the
        server that holds the weights, where one does, in one call.
    """

    trains: ClassVar[bool] = True
    differentiates: ClassVar[bool] = False

    @property
    def variant(self) -> str:
        """What sets it apart from others of its name, in a word; empty where nothing does."""
        return ""

    @property
    def label(self) -> str:
        """How results call its arm: its name, unless several of a kind may stand side by side."""
        return f"{self.name}+{self.variant}" if self.variant else self.name

    def check_data(self, data: DataSet) -> None:
        """Refuse data from which it cannot be made, before a study begins; raises DataError."""

    def with_choices(self, count: int) -> Self:
        """The same with ``count`` configurations to choose among: as many as other techniques of its study have.

        One that has nothing to choose, or was told what to try, stays as it is. What it tried stands in the record
        under ``choices_tried``, and by what it chose under ``criterion``.
        """
        del count
        return self

    @abstractmethod
    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Make the model exhibit the behaviour from ``train``, choosing on ``validation``.

        The given model stays as it is: what trains works on a copy.
        """
