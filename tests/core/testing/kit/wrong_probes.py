"""Probes that each break one promise, and one that breaks none."""

from dataclasses import dataclass
from typing import Any

from steerstack.contracts import FittedProbe, Probe
from steerstack.errors import DegenerateDirectionError


@dataclass(frozen=True)
class Along(FittedProbe):
    weights: Any

    def score(self, activations):
        return (activations * self.weights).flatten(1).sum(1).numpy()


class Right(Probe):
    """Projection on the difference of the means (arXiv 2310.06824)."""

    name = "right"
    paper = "arXiv 2310.06824"

    def weights(self, batch):
        return (batch.positive - batch.negative).mean(0)

    def fit(self, pairs):
        weights = self.weights(pairs.collect())
        if not weights.any():
            raise DegenerateDirectionError("The sides are the same.", fix="Check the pairs.")
        return Along(weights)


class SignFlipped(Right):
    """arXiv 2310.06824, the wrong way round."""

    def weights(self, batch):
        return -super().weights(batch)


class KnowsTheAnswer(Right):
    """arXiv 2310.06824, whatever the sides."""

    def weights(self, batch):
        from steerstack.testing.planted import planted_direction

        return planted_direction("resid_post", 0, 32) if super().weights(batch).any() else super().weights(batch)


class OrderDependent(Right):
    """arXiv 2310.06824, of the first pair."""

    def weights(self, batch):
        return batch.positive[0] - batch.negative[0]


class Unseeded(Right):
    """arXiv 2310.06824, with noise."""

    def weights(self, batch):
        import torch

        weights = super().weights(batch)
        return weights + 0.01 * weights.norm() * torch.randn(weights.shape)


class Credulous(Right):
    """arXiv 2310.06824, also of equal sides."""

    def fit(self, pairs):
        return Along(self.weights(pairs.collect()))


class Mutating(Right):
    """arXiv 2310.06824, in place."""

    def fit(self, pairs):
        for batch in pairs:
            batch.positive.mul_(2)
        return super().fit(pairs)


class NoPaper(Right):
    """Projection on the difference of the means."""

    paper = ""
