"""Nulls: directions that know nothing of the behaviour, through the same pipeline."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Literal

from steerstack.contracts import Extractor, Fitted, PairBatch, PairStream
from steerstack.data.items import DataSet
from steerstack.data.shuffle import balanced, shuffled
from steerstack.engine.data_activations import DataActivations
from steerstack.engine.resources.activation_store import STORE
from steerstack.errors import DegenerateDirectionError, ExtractionError
from steerstack.steering.vector import SteeringVector, random_like
from steerstack.techniques.extract import extract
from steerstack.trace.model import Model

Family = Literal["random", "shuffled labels"]
FAMILIES: tuple[Family, ...] = ("random", "shuffled labels")

APART = 100_003
"""Between the first null's seeds of two studies: no study has so many nulls, so that they share none."""


class Remembered(PairStream):
    """Activations that were read before, in memory, at some or all of the layers of the original stream."""

    def __init__(self, stream: PairStream, layers: Sequence[int] | None = None) -> None:
        self._layers, self._length = tuple(stream.layers if layers is None else layers), len(stream)
        self._batches = list(stream)
        if layers is not None:
            at = [list(stream.layers).index(layer) for layer in layers]
            self._batches = [PairBatch(batch.positive[:, at], batch.negative[:, at]) for batch in self._batches]

    @property
    def layers(self) -> Sequence[int]:
        """The layers that are held."""
        return self._layers

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[PairBatch]:
        return iter(self._batches)


class ShuffledPairs(Remembered):
    """The same pairs under balanced labels: the two sides of exactly half of them exchanged."""

    def __init__(self, stream: PairStream, seed: int) -> None:
        super().__init__(stream)
        self._labels = balanced(self._length, seed)
        self._length = int((self._labels != 0).sum())

    def __iter__(self) -> Iterator[PairBatch]:
        begun = 0
        for batch in self._batches:
            labels = self._labels[begun : begun + len(batch.positive)]
            begun += len(batch.positive)
            turned, used = batch.turned(labels < 0), labels != 0
            if used.any():
                yield PairBatch(turned.positive[used], turned.negative[used])


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
        read = partial(
            DataActivations, self._model, self._data, position=self._position, component=self._method.component,
            store=STORE,
        )  # fmt: skip
        everywhere = read()  # as the vector itself was read, perhaps a moment ago
        return Remembered(everywhere if everywhere.stored else read(layers=self._layers), self._layers)

    def like(self, vector: SteeringVector, seed: int) -> SteeringVector:
        """A shuffled-label vector with the norms of the given one.

        Raises
        ------
        DegenerateDirectionError
            The shuffled sides average out to nothing (a single pair, say).
        """
        try:
            directions = self._method.fit(ShuffledPairs(self._stream, seed))
            fitted = Fitted.of(directions)
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


@dataclass(frozen=True)
class Null:
    """A vector that knows nothing of the behaviour, with the norms of the one that it is compared with.

    Attributes
    ----------
    name:
        How results call it.
    family:
        How it was made: by its own family alone it can be exchanged with the vector.
    vector:
        The vector itself.
    """

    name: str
    family: Family
    vector: SteeringVector


Once = Callable[[str, object, Callable[[], SteeringVector]], SteeringVector]


def now(name: str, key: object, make: Callable[[], SteeringVector]) -> SteeringVector:
    """Make a vector, whatever was made before."""
    del name, key
    return make()


def null_vectors(
    model: Model,
    data: DataSet,
    vector: SteeringVector,
    method: Extractor | None,
    *,
    position: str | None,
    count: int,
    seed: int = 0,
    once: Once = now,
) -> list[Null]:
    """Random directions, and vectors from shuffled labels.

    Parameters
    ----------
    model, data, method, position:
        By what, from what and where the vector was read; without its method there are random vectors only.
    vector:
        With the layers that nulls are wanted for.
    count:
        Number of each family.
    seed:
        Of all of them.
    once:
        Makes a vector from shuffled labels, or knows it from an earlier run, by its name and what decides it.

    Returns
    -------
    list[Null]
        Vectors whose shuffled labels average out to nothing (a single pair, say) are left out.
    """
    seeds = [seed * APART + i for i in range(count)]
    nulls = [Null(f"random {i}", "random", random_like(vector, own_seed)) for i, own_seed in enumerate(seeds)]
    if method is None or not count:
        return nulls
    make = Shuffler(model, data, method, position, list(vector.layers))
    for i, own_seed in enumerate(seeds):
        with suppress(DegenerateDirectionError, ExtractionError):
            name = f"shuffled labels {i}"
            null = once(
                name, [data.digest, position, vector.fingerprint, own_seed], partial(make.like, vector, own_seed)
            )
            nulls.append(Null(name, "shuffled labels", null))
    return nulls


def neighbor_vectors(
    model: Model,
    data: Sequence[DataSet],
    vector: SteeringVector,
    method: Extractor | None,
    *,
    position: str | None,
    pairs: int,
    once: Once = now,
) -> dict[str, SteeringVector]:
    """Vectors of other behaviours by the same method, at the norms of the given one; no nulls, for they may be kin.

    Parameters
    ----------
    data:
        Data of the other behaviours.
    pairs:
        At most so many of each are read.
    once:
        Makes a vector, or knows it from an earlier run, by its name and what decides it.

    Returns
    -------
    dict
        By behaviour. Those whose two sides are the same are left out.
    """
    vectors = {}
    for other in data if method is not None else ():
        with suppress(DegenerateDirectionError):
            assert method is not None
            theirs, layers = other.limit(pairs), list(vector.layers)
            find = partial(extract, model, theirs, method, position=position, layers=layers)
            neighbor = once(f"vector of {other.behavior}", [theirs.digest, position, layers], find)
            vectors[other.behavior] = brought_to_norm(neighbor, vector)
    return vectors
