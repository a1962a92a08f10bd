"""The mean difference under shuffled labels: a null that keeps the activations' geometry."""

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
class ShuffledLabels(Extractor):
    r"""Mean difference after the sides of half of the pairs are exchanged, at the norm of the real one.

    A permutation null of ``mean-difference`` (Rimsky et al., arXiv 2312.06681, eq. 1), in the
    sense of the control tasks of Hewitt and Liang, arXiv 1909.03368: it lies where the
    differences of these pairs lie, but what they share is gone. With labels ``s = +-1``,
    ``v = sum_i s_i d_i``: of an odd number of pairs one is left out and exactly half of the others
    is exchanged, so that no share of the mean difference is left to be blown up when ``v`` is
    brought to its norm. Site ``resid_post``, at the answer token by default. The
    exchange is drawn by the seed and by the content of the pairs, the same at every layer.
    """

    name = "shuffled-labels"
    paper = "arXiv 1909.03368"

    seed: int = Field(0, ge=0, description="Seed of the exchange.")

    def fit(self, pairs: PairStream) -> Mapping[int, Float[Tensor, " d_model"]]:
        """Exchange, average, and bring to the real norm."""
        from steerstack.data.shuffle import balanced
        from steerstack.errors import DegenerateDirectionError
        from steerstack_plugins.extraction.common.sides import SAME, differences, sides

        deltas = differences(sides(pairs, at_least=2)).double()
        labels = balanced(len(deltas), self.seed).double()
        shuffled = (labels[:, None, None] * deltas).mean(0)
        real = deltas.mean(0)
        directions = {}
        for index, layer in enumerate(pairs.layers):
            norm = shuffled[index].norm()
            if not norm > SAME * deltas[:, index].norm(dim=-1).mean():
                raise DegenerateDirectionError(
                    f"The differences at layer {layer} are all the same: none are left under shuffled labels.",
                    fix="Give pairs that differ, or use the null 'random'.",
                )
            directions[layer] = (shuffled[index] * (real[index].norm() / norm)).float()
        return directions
