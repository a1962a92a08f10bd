"""Activations of contrast pairs, as extractors and probes see them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steerstack.errors import ExtractionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jaxtyping import Bool, Float
    from torch import Tensor

    from steerstack.data.items import DataSet
    from steerstack.steering.site import Component
    from steerstack.trace.model import Model


@dataclass(frozen=True)
class PairBatch:
    """Activations of some contrast pairs, on the CPU in float32.

    Attributes
    ----------
    positive, negative:
        Mean activation over the positions asked for, of the side that exhibits the behaviour
        and of the other: [pair, layer, d_model].
    """

    positive: Float[Tensor, "pair layer d_model"]
    negative: Float[Tensor, "pair layer d_model"]

    def turned(self, turn: Bool[Tensor, " pair"]) -> PairBatch:
        """The same pairs with the two sides of some exchanged."""
        at = turn[:, None, None]
        return PairBatch(self.negative.where(at, self.positive), self.positive.where(at, self.negative))


class PairStream(ABC):
    """Activations of contrast pairs, batch by batch, so that memory does not grow with their number.

    It can be iterated over again. Most methods need no more than that; a method that trains
    or generates asks for :attr:`model` and :attr:`data`, and one that reads elsewhere for
    :meth:`at`.
    """

    @property
    @abstractmethod
    def layers(self) -> Sequence[int]:
        """The 0-based layers along the ``layer`` axis of each batch."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of pairs."""

    @abstractmethod
    def __iter__(self) -> Iterator[PairBatch]:
        """The batches."""

    @property
    def model(self) -> Model:
        """The model whose activations these are.

        Raises
        ------
        ExtractionError
            The activations came without a model.
        """
        raise _without("a model")

    @property
    def data(self) -> DataSet:
        """The items that the pairs were made from.

        Raises
        ------
        ExtractionError
            The activations came without their items.
        """
        raise _without("their items")

    @property
    def component(self) -> Component:
        """Where the activations were read."""
        return "resid_post"

    def at(self, *, component: Component | None = None, position: str | None = None) -> PairStream:
        """The same pairs, read at another component or position.

        Raises
        ------
        ExtractionError
            The activations came without a model.
        """
        raise _without("a model")

    def advance(self, pairs: int) -> None:  # noqa: B027  # who has nobody to tell says nothing
        """Tell whoever waits that ``pairs`` more are done: for methods that train instead of iterating."""

    def collect(self) -> PairBatch:
        """All pairs at once, in memory: 4 bytes x 2 sides x pairs x layers x d_model."""
        import torch

        batches = list(self)
        return PairBatch(
            torch.cat([batch.positive for batch in batches]), torch.cat([batch.negative for batch in batches])
        )


class OneLayer(PairStream):
    """One layer of activations that were read before.

    Parameters
    ----------
    batch:
        All pairs, [pair, layer, d_model] a side.
    index, layer:
        Place of the layer along the axis, and which layer it is.
    """

    def __init__(self, batch: PairBatch, index: int, layer: int) -> None:
        self._batch = PairBatch(batch.positive[:, [index]], batch.negative[:, [index]])
        self._layer = layer

    @property
    def layers(self) -> Sequence[int]:
        """The layer."""
        return (self._layer,)

    def __len__(self) -> int:
        return len(self._batch.positive)

    def __iter__(self) -> Iterator[PairBatch]:
        yield self._batch


def _without(what: str) -> ExtractionError:
    return ExtractionError(
        f"These activations come without {what}.",
        fix="Extract from a data set with a model, or use a method that needs only activations.",
    )
