"""Metrics: item-level results of a model under several plans."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.steering.intervention import Plan
    from steerstack.trace.model import Model


@dataclass(frozen=True)
class Measured:
    """One arm's result, item by item.

    Attributes
    ----------
    ids:
        Items, in an order that is the same for every arm.
    values:
        Item-level values by name, NaN where an item has none (an unparsable verdict, say).
    about:
        How it was measured, as JSON: scoring mode, prompts, data digest, counts.
    confounds:
        What else could explain the result, by name: letter bias, swap consistency, ...
    edited:
        Number of positions that the plan edited.
    groups:
        The cluster of each item, for the intervals; None where items are as good as independent.
    """

    ids: tuple[str, ...]
    values: Mapping[str, Float[ndarray, " item"]]
    about: Mapping[str, Any] = field(default_factory=dict)
    confounds: Mapping[str, float] = field(default_factory=dict)
    edited: int = 0
    groups: tuple[int, ...] | None = None


class Metric(Method):
    """Measures one thing that a vector may change.

    Attributes
    ----------
    headline:
        The name, among the item-level values, of the one that states the metric.
    higher:
        What a higher value means, in a few words.
    role:
        ``target`` for what vectors are made to change, ``side-effect`` for what they should leave
        alone (measured beside every target by default, as are the other targets), ``other`` for
        what is asked for by name.
    """

    headline: ClassVar[str]
    higher: ClassVar[str] = ""
    role: ClassVar[Literal["target", "side-effect", "other"]] = "other"

    @abstractmethod
    def measure(
        self, model: Model, plans: Sequence[Plan], *, progress: Callable[[int], None] | None = None
    ) -> list[Measured]:
        """Measure every plan on the same items; an empty plan is the unsteered model.

        Raises
        ------
        NothingEditedError
            A plan with edits touched no position.
        """
