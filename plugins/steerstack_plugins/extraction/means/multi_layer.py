"""Mean difference at many layers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted

if TYPE_CHECKING:
    from steerstack.contracts import PairStream

FIRST, LAST = 0.2, 0.9
"""The middle of a model, in shares of its depth."""


@final
class MultiLayerDifference(Extractor):
    """The mean difference of every middle layer, each over their number, and all of them added at once.

    Directions added at a range of layers rather than at one are the control of Zou et al., arXiv 2310.01405 (whose
    directions are principal components); these are the mean differences of Rimsky et al., arXiv 2312.06681, eq. 1. As
    one passes on what the one before added, the parts are divided by the number of layers: at scale 1 as much is added
    in all as ``mean-difference`` adds at one layer. Layers are those from a fifth to nine tenths of the depth.
    """

    name = "multi-layer-difference"
    paper = "arXiv 2310.01405"
    at_once = True
    scales: ClassVar[tuple[float, ...] | None] = (0.5, 1.0, 2.0)

    layers: tuple[int, ...] | None = Field(
        None, description="Layers; from a fifth to nine tenths of the depth if none."
    )

    def fit(self, pairs: PairStream) -> Fitted:
        """The mean difference of each of the layers, over their number."""
        from steerstack.errors import ExtractionError
        from steerstack_plugins.extraction.common.sides import mean_difference, sides

        depth = max(pairs.layers)
        span = [layer for layer in pairs.layers if FIRST * depth <= layer <= LAST * depth]
        layers = span if self.layers is None else [layer for layer in pairs.layers if layer in self.layers]
        if not layers:
            raise ExtractionError(
                "None of the layers of multi-layer-difference is there.",
                seen=f"layers {', '.join(map(str, pairs.layers))}",
                fix="Name layers of the model.",
            )
        directions = mean_difference(sides(pairs), pairs.layers) / len(layers)
        return Fitted({layer: directions[pairs.layers.index(layer)].float() for layer in layers})
