"""An extractor in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from steerstack import Extractor
from steerstack.errors import DegenerateDirectionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from steerstack.contracts import PairStream


class TrimmedDifference(Extractor):
    """The trimmed mean of the pair differences, coordinate by coordinate.

    Source: Rimsky et al., arXiv 2312.06681, eq. 1, with the mean trimmed. Site ``resid_post``,
    un-normalised; adding the direction makes the positive side more likely.
    """

    name = "trimmed-difference"
    paper = "arXiv 2312.06681"

    trim: float = Field(0.1, ge=0, lt=0.5, description="Share of the pairs left out at each end.")

    def fit(self, pairs: PairStream) -> Mapping[int, Tensor]:
        """The direction at each layer [d_model]."""
        every = pairs.collect()
        ordered = (every.positive - every.negative).sort(0).values
        cut = int(self.trim * len(ordered))
        mean = ordered[cut : len(ordered) - cut].mean(0)
        if not mean.any():
            raise DegenerateDirectionError("The two sides are the same.", fix="Check the pairs.")
        return dict(zip(pairs.layers, mean, strict=True))
