"""PCA of the differences: the direction along which the two sides of pairs differ most."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted
from steerstack.errors import DegenerateDirectionError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts import PairStream


@final
class PCA(Extractor):
    """First principal component of the pairs' differences, layer by layer.

    Source: the reading vectors of Zou et al., arXiv 2310.01405, sec. 3.1.1 (step 3, PCA on
    difference vectors), in the forms that two libraries gave them. Site ``resid_post``, averaged
    over the answer's own words by default: at the letter of a listed option, the largest
    difference is that between the letters.

    ``centring="none"`` takes the component of the differences as they are. That is the same as
    PCA on each side relative to the centre of its pair (repeng's ``pca_center``), and on the
    differences with both signs (steering-vectors' ``pca_aggregator``): both make the mean zero
    without taking the signal away. ``centring="mean"`` takes the mean difference away first
    (repeng's ``pca_diff``), which leaves only how the differences vary: kept for comparison.

    Sign: the mean difference projects on it positively. Length: the mean absolute projection
    of the differences, so that strength 1 is the usual distance between the sides; with
    ``unit`` the norm is 1, as in both libraries. The record gives the share of pairs whose
    positive side projects higher, at each layer: near 0.5, the largest difference is not the
    behaviour. Memory: the activations of all pairs.
    """

    name = "pca"
    paper = "arXiv 2310.01405"
    position: ClassVar[str] = "response"

    centring: Literal["none", "mean"] = Field("none", description="What is subtracted from the differences.")
    unit: bool = Field(False, description="Norm 1, rather than the usual distance between the sides.")

    def fit(self, pairs: PairStream) -> Fitted:
        """The component of each layer."""
        from steerstack_plugins.extraction.common.principal import stretched
        from steerstack_plugins.extraction.common.sides import differences, sides

        deltas = differences(sides(pairs, at_least=1 if self.centring == "none" else 2)).double()
        directions, agree = {}, {}
        for index, layer in enumerate(pairs.layers):
            unit = self._component(deltas[:, index], layer)
            directions[layer] = stretched(unit, deltas[:, index], keep=self.unit)
            agree[str(layer)] = float((deltas[:, index] @ unit > 0).double().mean())
        return Fitted(directions, record={"agreement": agree})

    def _component(self, differences: Float[Tensor, "pair width"], layer: int) -> Float[Tensor, " width"]:
        from steerstack_plugins.extraction.common.principal import leading
        from steerstack_plugins.extraction.common.sides import SAME

        mean = differences.mean(0)
        rows = differences if self.centring == "none" else differences - mean
        if not rows.norm() > SAME * differences.norm():
            raise DegenerateDirectionError(
                f"The differences at layer {layer} are all the same: nothing is left of them after centring.",
                fix="Use centring=none.",
            )
        unit = leading(rows)
        return -unit if mean @ unit < 0 else unit
