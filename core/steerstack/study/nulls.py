"""Nulls: directions that know nothing of the behaviour, through the same pipeline."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from steerstack.contracts import Extractor, PairBatch, PairStream
from steerstack.errors import DegenerateDirectionError
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


def shuffled_like(vector: SteeringVector, method: Extractor, stream: PairStream, seed: int) -> SteeringVector:
    """A vector from shuffled labels by the same method, brought to the norm of the real one.

    Without the same norm it would be the weaker for having averaged itself away.

    Raises
    ------
    DegenerateDirectionError
        The shuffled sides average out to nothing (a single pair, say).
    """
    directions = {}
    for layer, direction in method.fit(ShuffledLabels(stream, seed)).items():
        norm = float(direction.norm())
        if not norm:
            raise DegenerateDirectionError("The shuffled-label null is zero.", fix="Give more pairs.")
        directions[layer] = direction * (vector.norms[layer] / norm)
    parameters = {"seed": seed, "norms_of": vector.fingerprint}
    return SteeringVector(
        directions, vector.component, replace(vector.origin, method="shuffled-labels", parameters=parameters)
    )
