"""Nulls: directions that know nothing of the behaviour, through the same pipeline."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

import torch

from steerstack.contracts import Extractor, Fitted, PairBatch, PairStream
from steerstack.data.items import DataSet
from steerstack.data.shuffle import half, shuffled
from steerstack.engine.data_activations import DataActivations
from steerstack.errors import DegenerateDirectionError, ExtractionError
from steerstack.steering.vector import SteeringVector, random_like
from steerstack.techniques.extract import extract
from steerstack.trace.model import Model


class Remembered(PairStream):
    """Activations that were read before, in memory."""

    def __init__(self, stream: PairStream) -> None:
        self._layers, self._length = tuple(stream.layers), len(stream)
        self._batches = list(stream)

    @property
    def layers(self) -> Sequence[int]:
        """The layers of the original stream."""
        return self._layers

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[PairBatch]:
        return iter(self._batches)


class ShuffledPairs(Remembered):
    """An even number of the same pairs, the two sides of exactly half of them exchanged.

    The labels then sum to zero, so that a mean difference keeps nothing of what all pairs share.
    """

    def __init__(self, stream: PairStream, seed: int) -> None:
        super().__init__(stream)
        self._flips = half(self._length - self._length % 2, seed)
        self._length = len(self._flips)

    def __iter__(self) -> Iterator[PairBatch]:
        begun = 0
        for batch in self._batches:
            flip = self._flips[begun : begun + len(batch.positive)]
            begun += len(batch.positive)
            if len(flip):  # the last pair of an odd number is left out
                positive, negative = batch.positive[: len(flip)], batch.negative[: len(flip)]
                flip = flip[:, None, None]
                yield PairBatch(torch.where(flip, negative, positive), torch.where(flip, positive, negative))


class Shuffler:
    """Makes vectors from shuffled labels, by the method of the real one and brought to its norm.

    Without the same norm they would be the weaker for having averaged themselves away. Methods
    that need only activations get those of the real pairs, read once, with sides exchanged;
    methods that train or generate are run again on items whose labels are exchanged.

    Parameters
    ----------
    model, data, method, position, layers:
        As for the real vector.
    """

    def __init__(
        self, model: Model, data: DataSet, method: Extractor, position: str | None, layers: Sequence[int]
    ) -> None:
        self._model, self._data, self._method, self._layers = model, data, method, layers
        self._position = position or method.position

    @cached_property
    def _stream(self) -> Remembered:
        return Remembered(
            DataActivations(
                self._model,
                self._data,
                position=self._position,
                component=self._method.component,
                layers=self._layers,
            )
        )

    def like(self, vector: SteeringVector, seed: int) -> SteeringVector:
        """A shuffled-label vector with the norms of the given one.

        Raises
        ------
        DegenerateDirectionError
            The shuffled sides average out to nothing (a single pair, say).
        """
        try:
            found = self._method.fit(ShuffledPairs(self._stream, seed))
            fitted = Fitted.of(found)
            null = SteeringVector(
                dict(fitted.directions), vector.component, vector.origin, fitted.edit, dict(fitted.parts)
            )
        except ExtractionError:  # the method needs the model or the items
            null = extract(
                self._model, shuffled(self._data, seed), self._method, position=self._position, layers=self._layers
            )
        parameters = {"seed": seed, "norms_of": vector.fingerprint}
        origin = replace(vector.origin, method="shuffled-labels", parameters=parameters)
        return replace(brought_to_norm(null, vector), origin=origin)


def brought_to_norm(null: SteeringVector, vector: SteeringVector) -> SteeringVector:
    """The null at the layers of the vector, with the norm that the vector has there."""
    directions = {at: null[at] * (vector.norms[at] / null.norms[at]) for at in vector.layers}
    return replace(null.keeping(vector.layers), directions=directions)


def null_vectors(
    model: Model,
    data: DataSet,
    vector: SteeringVector,
    method: Extractor | None,
    *,
    position: str | None,
    count: int,
    others: Sequence[DataSet] = (),
    seed: int = 0,
) -> dict[str, SteeringVector]:
    """Vectors that know nothing of the behaviour, with the norms of the given one.

    Parameters
    ----------
    model, data, method, position:
        By what, from what and where the vector was read; without its method there are random vectors only.
    vector:
        With the layers that nulls are wanted for.
    count:
        Number of random and of shuffled-label vectors.
    others:
        Data sets of other behaviours, whose vectors by the same method are nulls too.
    seed:
        Of the first of them.

    Returns
    -------
    dict
        Vectors by name. Those whose directions average out to nothing (a single pair, say) are left out.
    """
    found = {f"random {i}": random_like(vector, seed + i) for i in range(count)}
    if method is None:
        return found
    layers = list(vector.layers)
    make = Shuffler(model, data, method, position, layers)
    for i in range(count):
        with suppress(DegenerateDirectionError):
            found[f"shuffled labels {i}"] = make.like(vector, seed + i)
    for other in others:
        with suppress(DegenerateDirectionError):
            theirs = extract(model, other.limit(len(data)), method, position=position, layers=layers)
            found[f"unrelated: {other.behavior}"] = brought_to_norm(theirs, vector)
    return found
