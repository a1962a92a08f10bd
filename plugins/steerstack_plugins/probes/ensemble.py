"""A vote of the layers: one logistic regression a layer, their scores averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import FittedProbe, OneLayer, Probe
from steerstack_plugins.probes.linear import LogisticProbe

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray
    from torch import Tensor

    from steerstack.contracts import PairStream
    from steerstack_plugins.probes.linear import LinearProbe


@final
@dataclass(frozen=True)
class Vote(FittedProbe):
    """The mean over layers of scores in units of their spread on the training pairs."""

    layers: tuple[LinearProbe, ...]
    spreads: tuple[float, ...]

    def score(self, activations: Float[Tensor, "n layer d_model"]) -> Float[ndarray, " n"]:
        """The mean score."""
        parts = [
            probe.score(activations[:, [index]]) / spread
            for index, (probe, spread) in enumerate(zip(self.layers, self.spreads, strict=True))
        ]
        return sum(parts[1:], parts[0]) / len(parts)


@final
class EnsembleProbe(Probe):
    """One logistic regression a layer; the score is the mean of theirs, each in units of its own spread.

    Nordby et al., arXiv 2604.13386, average probes of several layers.
    """

    name = "layer-ensemble"
    paper = "arXiv 2604.13386"

    l2: float = Field(10.0, gt=0, description="Strength of the L2 penalty (lambda) of each.")

    def fit(self, pairs: PairStream) -> Vote:
        """Train one probe a layer."""
        import numpy as np
        import torch

        whole = pairs.collect()
        probes = [
            LogisticProbe(l2=self.l2).fit(OneLayer(whole, index, layer)) for index, layer in enumerate(pairs.layers)
        ]
        both = torch.cat([whole.positive, whole.negative])
        spreads = [float(np.std(probe.score(both[:, [index]]))) or 1.0 for index, probe in enumerate(probes)]
        return Vote(tuple(probes), tuple(spreads))
