"""What a plugin may bring: the abstract classes, one for each kind."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from jaxtyping import Float
from torch import Tensor

from steerstack.data import DataSet

if TYPE_CHECKING:
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


class PairStream(ABC):
    """Activations of contrast pairs, batch by batch, so that memory does not grow with their number.

    It can be iterated over again; each time the activations are computed afresh.
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


class Extractor(ABC):
    """Makes one direction per layer from contrast pairs.

    Sign convention: adding the direction makes the positive side more likely.
    """

    name: ClassVar[str]
    paper: ClassVar[str] = ""

    @abstractmethod
    def fit(self, pairs: PairStream) -> Mapping[int, Float[Tensor, " d_model"]]:
        """The direction at each layer, un-normalised."""

    def parameters(self) -> dict[str, Any]:
        """Its parameters, for the record."""
        return {}


class DataFormat(ABC):
    """Reads one kind of data file."""

    name: ClassVar[str]

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether the file looks like this kind."""

    @abstractmethod
    def load(self, path: Path, *, behavior: str | None = None, matching: str | None = None) -> DataSet:
        """Read the file.

        Parameters
        ----------
        path:
            The file.
        behavior:
            Name of the behaviour, where the file does not say.
        matching:
            ``exhibits`` or ``declines``: what the "matching" answer does, where the file
            does not say.

        Raises
        ------
        PolarityError
            The file does not say what its matching answer means, and neither does the caller.
        """


class BehaviorSource(ABC):
    """Ships data sets by name of the behaviour."""

    name: ClassVar[str]

    @abstractmethod
    def behaviors(self) -> Sequence[str]:
        """Names of the behaviours that it has."""

    @abstractmethod
    def load(self, behavior: str) -> DataSet:
        """The data set of one behaviour."""


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned model and what it cost.

    Attributes
    ----------
    model:
        The model with its new weights.
    parameters:
        Number of trained parameters.
    seconds:
        Time it took.
    record:
        How it was trained and selected, for the record.
    """

    model: "Model"
    parameters: int
    seconds: float
    record: Mapping[str, Any]


class Baseline(ABC):
    """Trains a model to exhibit the behaviour, as honestly as the vectors are made."""

    name: ClassVar[str]
    paper: ClassVar[str] = ""

    @abstractmethod
    def tune(self, model: "Model", train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Train a copy of the model on ``train``, choosing on ``validation``; the given model stays as it is."""

    def parameters(self) -> dict[str, Any]:
        """Its parameters, for the record."""
        return {}
