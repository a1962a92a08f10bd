"""Nulls: directions that know nothing of the behaviour, through the same pipeline."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import torch

from steerstack.contracts import Extractor, Fitted, PairBatch, PairStream
from steerstack.data import DataSet
from steerstack.engine.data_activations import DataActivations
from steerstack.errors import ExtractionError
from steerstack.extraction import extract
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector


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
        yield from self._batches


class ShuffledLabels(Remembered):
    """The same pairs, with the two sides of each exchanged at random."""

    def __init__(self, stream: PairStream, seed: int) -> None:
        super().__init__(stream)
        self._seed = seed

    def __iter__(self) -> Iterator[PairBatch]:
        generator = torch.Generator().manual_seed(self._seed)
        for batch in self._batches:
            flip = torch.rand(len(batch.positive), generator=generator) < 0.5
            flip = flip[:, None, None]
            yield PairBatch(
                torch.where(flip, batch.negative, batch.positive), torch.where(flip, batch.positive, batch.negative)
            )


def shuffled(data: DataSet, seed: int) -> DataSet:
    """The same items, with exhibiting and not exhibiting exchanged in a random half of them."""
    generator = torch.Generator().manual_seed(seed)
    flip = torch.rand(len(data), generator=generator) < 0.5
    return data.take(tuple(i.inverted() if f else i for i, f in zip(data.items, flip.tolist(), strict=True)))


class Shuffler:
    """Makes vectors from shuffled labels, by the method of the real one and brought to its norm.

    Without the same norm they would be the weaker for having averaged themselves away. Methods
    that need only activations get those of the real pairs, read once, with sides exchanged;
    methods that train or generate are run again on items whose labels are exchanged.

    Parameters
    ----------
    model, data, method, position, layer:
        As for the real vector.
    """

    def __init__(self, model: Model, data: DataSet, method: Extractor, position: str, layer: int) -> None:
        self._model, self._data, self._method, self._position, self._layer = model, data, method, position, layer

    @cached_property
    def _stream(self) -> Remembered:
        return Remembered(
            DataActivations(
                self._model,
                self._data,
                position=self._position,
                component=self._method.component,
                layers=[self._layer],
            )
        )

    def like(self, vector: SteeringVector, seed: int) -> SteeringVector:
        """A shuffled-label vector with the norms of the given one, which has one layer.

        Raises
        ------
        DegenerateDirectionError
            The shuffled sides average out to nothing (a single pair, say).
        """
        try:
            found = self._method.fit(ShuffledLabels(self._stream, seed))
            fitted = Fitted.of(found)
            null = SteeringVector(
                dict(fitted.directions), vector.component, vector.origin, fitted.edit, dict(fitted.parts)
            )
        except ExtractionError:  # the method needs the model or the items
            null = extract(
                self._model, shuffled(self._data, seed), self._method, position=self._position, layers=[self._layer]
            ).only(self._layer)
        scale = vector.norms[self._layer] / null.norms[self._layer]
        parameters = {"seed": seed, "norms_of": vector.fingerprint}
        origin = replace(vector.origin, method="shuffled-labels", parameters=parameters)
        return replace(null, directions={self._layer: null[self._layer] * scale}, origin=origin)
