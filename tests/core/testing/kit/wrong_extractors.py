"""Extractors that each break one promise, and one that breaks none."""

from pydantic import Field

from steerstack.contracts import Extractor, Fitted
from steerstack.errors import ExtractionError


class Right(Extractor):
    """The mean difference (arXiv 2312.06681, eq. 1)."""

    name = "right"
    paper = "arXiv 2312.06681"

    def combine(self, batches):
        return sum((b.positive - b.negative).sum(0) for b in batches) / sum(len(b.positive) for b in batches)

    def fit(self, pairs):
        return dict(zip(pairs.layers, self.combine(list(pairs)), strict=True))


class SignFlipped(Right):
    """arXiv 2312.06681, the wrong way round."""

    def combine(self, batches):
        return -super().combine(batches)


class Unsigned(Right):
    """arXiv 2312.06681, but the sign is that of one coordinate, as a principal component's might be."""

    def combine(self, batches):
        direction = super().combine(batches)
        return direction * direction[..., :1].sign()


class Mutating(Right):
    """arXiv 2312.06681, in the tensors that it was given."""

    def combine(self, batches):
        return sum(b.positive.sub_(b.negative).sum(0) for b in batches) / sum(len(b.positive) for b in batches)


class NotANumber(Right):
    """arXiv 2312.06681, over the norm of nothing."""

    def combine(self, batches):
        direction = super().combine(batches)
        return direction / (direction - direction)


class Inventive(Right):
    """arXiv 2312.06681, and something where there is nothing."""

    def combine(self, batches):
        import torch

        direction = super().combine(batches)
        noise = torch.randn(direction.shape, generator=torch.Generator().manual_seed(0))
        return direction if direction.any() else noise


class OrderDependent(Right):
    """arXiv 2312.06681, of the first pair."""

    def combine(self, batches):
        return batches[0].positive[0] - batches[0].negative[0]


class BatchDependent(Right):
    """arXiv 2312.06681, a sum over batches."""

    def combine(self, batches):
        return sum((b.positive - b.negative).mean(0) for b in batches)


class Unseeded(Right):
    """arXiv 2312.06681, with noise from the global generator."""

    def combine(self, batches):
        import torch

        direction = super().combine(batches)
        return direction + 0.01 * direction.norm() * torch.randn(direction.shape) / direction.shape[-1] ** 0.5


class HalfPrecision(Right):
    """arXiv 2312.06681, in float64."""

    def combine(self, batches):
        return super().combine(batches).double()


class Silent(Right):
    """arXiv 2312.06681, with an error that does not say what to do."""

    def combine(self, batches):
        direction = super().combine(batches)
        if not direction.any():
            raise ExtractionError("No.")
        return direction


class NoPaper(Right):
    """A mean difference."""

    paper = ""


class PaperNotNamed(Right):
    """A mean difference."""


class Undescribed(Right):
    """arXiv 2312.06681, with a parameter that nobody describes."""

    rank: int = 4


class Forgetful(Right):
    """arXiv 2312.06681, with a parameter that is not in the record."""

    rank: int = Field(4, description="Of the method.", exclude=True)


class OnlyLlama(Right):
    """arXiv 2312.06681, for models with a list of layers in one place."""

    def fit(self, pairs):
        assert len(pairs.model.module.model.layers)
        return Fitted(dict(super().fit(pairs)))


class TrainsTheModel(Right):
    """arXiv 2312.06681, and a change of the weights."""

    def fit(self, pairs):
        import torch

        with torch.no_grad():
            next(pairs.model.module.parameters()).mul_(1.0001)
        return super().fit(pairs)
