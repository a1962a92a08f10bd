"""LAT, the reading vector of representation engineering."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted

if TYPE_CHECKING:
    from steerstack.contracts import PairStream


@final
class LAT(Extractor):
    """Linear artificial tomography: PCA on differences of pairs in random order.

    Source: Zou et al., arXiv 2310.01405, sec. 3.1.1, and the ``PCARepReader`` of their code.
    (1) The order of each pair is shuffled, (2) differences are taken, (3) their mean is
    subtracted, (4) the first principal component is kept, at every layer; (5) its sign is the
    majority vote of the pairs, whose positive side is to project higher. Without the shuffle,
    step 3 would take the signal away.

    Site ``resid_post``, at the last token of the prompt by default. Half of the pairs is
    exchanged exactly, drawn by ``seed`` and by the content of the pairs, where the paper tosses
    a coin for each: so small sets keep their signal too. A tied vote goes by the mean
    difference. Length: the mean absolute projection of the differences, so that strength 1 is
    the usual distance between the sides; the paper's coefficients are for ``unit`` directions.
    The record gives the share of pairs that agree with the sign, at each layer: near 0.5, the
    largest difference is not the behaviour (at the letter of a listed option, it is that between
    the letters).
    """

    name = "lat"
    paper = "arXiv 2310.01405"
    position: ClassVar[str] = "last"

    seed: int = Field(0, ge=0, description="Seed of the shuffle.")
    unit: bool = Field(False, description="Norm 1 as in the paper, rather than the usual distance between the sides.")

    def fit(self, pairs: PairStream) -> Fitted:
        """The reading vector of each layer."""
        from steerstack.data.shuffle import half
        from steerstack_plugins.extraction.common.principal import leading, stretched
        from steerstack_plugins.extraction.common.sides import differences, sides

        deltas = differences(sides(pairs, at_least=2)).double()
        shuffled = deltas.clone()
        shuffled[half(len(deltas), self.seed)] *= -1
        centred = shuffled - shuffled.mean(0)
        directions, agree = {}, {}
        for index, layer in enumerate(pairs.layers):
            unit = leading(centred[:, index])
            projections = deltas[:, index] @ unit
            vote = float(projections.sign().sum()) or float(projections.mean())
            if vote < 0:
                unit, projections = -unit, -projections
            directions[layer] = stretched(unit, deltas[:, index], keep=self.unit)
            agree[str(layer)] = float((projections > 0).double().mean())
        return Fitted(directions, record={"agreement": agree})
