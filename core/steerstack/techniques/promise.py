"""What candidates promise on validation items to first order, so that only the best few need be measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from steerstack.contracts import Extractor
from steerstack.data.items import DataSet
from steerstack.data.questions import ScoreMode, ask
from steerstack.engine.slope import slopes
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import edit_of
from steerstack.techniques.selection import FEW, Candidate
from steerstack.trace.model import Model

ITEMS = 16
"""Validation items on which candidates are measured: the same for the vector and its nulls."""

SLOPE_ITEMS = 64
"""Validation items over which first-order effects are averaged."""


@dataclass(frozen=True)
class Slopes:
    """How fast the mean log-odds on validation items grows with what is added at each site.

    Attributes
    ----------
    at:
        By site: nats a unit of length along each coordinate.
    """

    at: Mapping[Site, Float[Tensor, " d_model"]]

    def promise(self, vector: SteeringVector, candidates: Sequence[Candidate]) -> list[float]:
        """The effect of each candidate of a vector to first order, in nats."""
        return [
            sum(candidate.scale * float(self.at[vector.site(at)] @ vector[at].float()) for at in candidate.layers)
            for candidate in candidates
        ]


def sites_to_rank(
    vector: SteeringVector, method: Extractor | None, candidates: Sequence[Candidate], kl: float | None
) -> list[Site]:
    """The sites whose slopes rank a vector's candidates; none where all of the candidates are measured.

    So it is with few of them, with an edit that does not add, and with layers that act all at once. At a KL of
    one's own there is one candidate a layer, and all of these are measured too.
    """
    at_once = method is not None and method.at_once
    if len(candidates) <= FEW or at_once or kl is not None or edit_of(vector).name != "add":
        return []
    return [vector.site(layer) for layer in dict.fromkeys(candidate.layers[0] for candidate in candidates)]


def slopes_on(model: Model, data: DataSet, mode: ScoreMode, sites: Sequence[Site], tokens: Tokens) -> Slopes:
    """The slopes of the mean log-odds (per token for ``text``) of up to :data:`SLOPE_ITEMS` items."""
    sequences, weights = [], []
    items = data.spread(SLOPE_ITEMS)
    questions = ask(model.format, items, mode)
    times = {item.id: 0 for item in items}
    for question in questions:
        times[question.item.id] += 1
    for question in questions:
        for sign, side in zip((1, -1), question.pair, strict=True):
            length = len(side) - side.answer_start if mode == "text" else 1
            sequences.append(side)
            weights.append(sign / length / times[question.item.id] / len(items))
    return Slopes(dict(zip(sites, slopes(model, sequences, weights, list(sites), tokens), strict=True)))
