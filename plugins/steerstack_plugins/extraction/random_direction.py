"""A random direction: the null that any vector has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import Extractor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts import PairStream


@final
class RandomDirection(Extractor):
    """A Gaussian direction at each layer, with the norm of the mean difference there.

    A null in the sense of the random baseline of Li et al., arXiv 2306.03341, table 3: it
    disturbs the model as much as the mean difference does, and knows nothing of the pairs but
    that norm. It has no sign to speak of. Site ``resid_post``, at the answer token by default.
    The direction of a layer depends on the seed and the layer alone.
    """

    name = "random"
    paper = "arXiv 2306.03341"

    seed: int = Field(0, ge=0, description="Seed of the direction.")

    def fit(self, pairs: PairStream) -> Mapping[int, Float[Tensor, " d_model"]]:
        """Draw a direction for each layer."""
        import numpy as np
        import torch

        from steerstack.steering.intervention import check_direction
        from steerstack_plugins.extraction.mean_difference import MeanDifference

        directions = {}
        for layer, mean in MeanDifference().fit(pairs).items():
            check_direction(mean, f"mean difference at layer {layer}")
            noise = torch.from_numpy(np.random.default_rng([self.seed, layer]).standard_normal(mean.shape)).float()
            directions[layer] = noise * (mean.norm() / noise.norm())
        return directions
