"""How tokens lie along the vector's direction, and what is usual there: the numbers behind their colours."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, pstdev

from steerstack.engine.decode.speak import Reply, text_of
from steerstack.engine.decode.stream import pieces
from steerstack.engine.projection import projections
from steerstack.measure.neutral_text import neutral_texts
from steerstack.steering.tokens import TokenSequence
from steerstack.steering.vector import SteeringVector
from steerstack.trace.model import Model

TEXTS = 8
"""Neutral paragraphs that say what is usual."""


@dataclass(frozen=True)
class Usual:
    """Mean and standard deviation of the projection over the tokens of neutral text, the first of each left out.

    Attributes
    ----------
    mean, deviation:
        In the activations' own units.
    n:
        Number of tokens.
    """

    mean: float
    deviation: float
    n: int

    def to_json(self) -> dict[str, float]:
        """As the page takes it."""
        return asdict(self)


@dataclass(frozen=True)
class ColoredPiece:
    """Some text of an answer, and the projection of each token that it was made of."""

    text: str
    projections: tuple[float, ...]


def usual(model: Model, vector: SteeringVector, layer: int) -> Usual:
    """What is usual along the vector's direction at a layer."""
    coordinates = projections(model, neutral_texts(model.format, TEXTS), vector.site(layer), vector[layer])
    values = [value for text in coordinates for value in text[1:]]
    return Usual(fmean(values), pstdev(values), len(values))


def colored(
    model: Model, prompt: TokenSequence, replies: Sequence[Reply], vector: SteeringVector, layer: int
) -> list[list[ColoredPiece]]:
    """Answers to one prompt piece by piece, with projections on the vector's direction at a layer.

    All are read by a plain pass, see :func:`steerstack.engine.projection.projections`.
    """
    start = len(prompt)
    sequences = [TokenSequence((*prompt.ids, *reply.tokens), prompt.response_start, start) for reply in replies]
    along = projections(model, sequences, vector.site(layer), vector[layer])
    return [
        [
            ColoredPiece(piece.text, tuple(values[start + place] for place in piece.places))
            for piece in pieces(text_of(model), reply.tokens)
        ]
        for reply, values in zip(replies, along, strict=True)
    ]
