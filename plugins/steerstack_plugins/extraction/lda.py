"""Mass-mean and LDA directions: the mean difference, with or without whitening."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted
from steerstack.errors import ExtractionError

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.contracts import PairStream


@final
class LDA(Extractor):
    """Mass-mean direction, whitened by the covariance within the sides.

    Source: Marks and Tegmark, arXiv 2310.06824, sec. 5.1: ``theta = mu+ - mu-``, and
    ``Sigma^-1 theta`` with the covariance ``Sigma`` of activations about the mean of their own
    side, which is Fisher's linear discriminant. The whitened direction is for reading: it
    separates the sides best, and is what their classifier uses. The plain one
    (``whiten=False``, the mean difference of the sides) is for steering: it is what they add to
    activations. Adding the whitened one is of interest as a contrast to that.

    Site ``resid_post``, at the answer token by default. Sign: the positive side projects
    higher. Length: the whitened direction is brought to the length of ``theta`` along it, so
    that strength 1 moves an activation from one side's mean to the other's as the direction
    reads them. The record says what the direction is for, and the shrinkage at each layer.
    """

    name = "lda"
    paper = "arXiv 2310.06824"

    whiten: bool = Field(True, description="Multiply by the inverse covariance (reading); else the mean difference.")
    shrinkage: Annotated[float, Field(ge=0, le=1)] | Literal["ledoit-wolf"] = Field(
        "ledoit-wolf", description="Share of the identity in the covariance, 0 to 1, or estimated (Ledoit-Wolf)."
    )

    def fit(self, pairs: PairStream) -> Fitted:
        """The direction of each layer."""
        import torch

        from steerstack_plugins.extraction.common.sides import mean_difference, sides

        batch = sides(pairs, at_least=2 if self.whiten else 1)
        difference = mean_difference(batch, pairs.layers)
        directions, shrinkage = {}, {}
        for index, layer in enumerate(pairs.layers):
            positive, negative = (side[:, index].double().numpy() for side in (batch.positive, batch.negative))
            direction, amount = self._direction(positive, negative, difference[index].numpy())
            directions[layer] = torch.from_numpy(direction).float()
            if amount is not None:
                shrinkage[str(layer)] = amount
        use = "reading" if self.whiten else "steering"
        return Fitted(directions, record={"use": use, **({"shrinkage": shrinkage} if shrinkage else {})})

    def _direction(
        self,
        positive: Float[ndarray, "pair width"],
        negative: Float[ndarray, "pair width"],
        apart: Float[ndarray, " width"],
    ) -> tuple[Float[ndarray, " width"], float | None]:
        import numpy as np

        from steerstack_plugins.extraction.common.covariance import precision_times

        if not self.whiten:
            return apart, None
        within = np.concatenate([positive - positive.mean(0), negative - negative.mean(0)])
        self._check_rank(len(positive), len(apart))
        direction, amount = precision_times(within, apart, self.shrinkage)
        return direction * (apart @ direction) / (direction @ direction), amount

    def _check_rank(self, count: int, width: int) -> None:
        minimum = width // 2 + 2
        if self.shrinkage == 0 and count < minimum:
            raise ExtractionError(
                f"Without shrinkage this method needs {minimum} pairs: more activations than their width of {width}.",
                seen=f"{count} pairs",
                fix="Give more items, or use shrinkage=ledoit-wolf.",
            )
