"""Mean difference (CAA): the mean of one side minus the mean of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from steerstack.contracts import Extractor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts import PairStream


@final
class MeanDifference(Extractor):
    """Contrastive activation addition: ``v_L = mean over pairs of (a_positive - a_negative)``.

    Source: Rimsky et al., arXiv 2312.06681, eq. 1. Site ``resid_post``, at the answer token by
    default; not normalised. Sums are kept in float64, one per layer.
    """

    name = "mean-difference"
    paper = "arXiv 2312.06681"

    def fit(self, pairs: PairStream) -> Mapping[int, Float[Tensor, " d_model"]]:
        """Average the differences, layer by layer."""
        total: Tensor | None = None
        for batch in pairs:
            part = (batch.positive.double() - batch.negative.double()).sum(0)
            total = part if total is None else total + part
        assert total is not None  # a data set is never empty
        mean = (total / len(pairs)).float()
        return dict(zip(pairs.layers, mean.unbind(0), strict=True))
