"""LEACE: the least change of activations after which no linear probe tells the sides apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

from pydantic import Field

from steerstack.contracts import Edit, Extractor, Fitted
from steerstack.steering.intervention import Plan

if TYPE_CHECKING:
    from steerstack.contracts import PairStream
    from steerstack.steering.tokens import Tokens
    from steerstack.steering.vector import SteeringVector


@final
class LEACE(Extractor):
    """Least-squares concept erasure for two classes.

    Source: Belrose et al., arXiv 2306.03819, theorem 4.3:
    ``r(x) = x - W^+ P W (x - mu)``, with ``W = Sigma^-1/2`` of all activations and ``P`` the
    projection onto ``W Sigma_xz``. For two classes ``Sigma_xz`` is a multiple of the mean
    difference ``d = mu+ - mu-``, and this is the rank-1 oblique projection
    ``r(x) = x - d r^T (x - mu)`` with the reader ``r = Sigma^-1 d / (d^T Sigma^-1 d)``. So the
    direction is the plain mean difference, and what is taken away of it is what the best linear
    reader finds, not the activation's own component along it.

    It erases (edit ``leace``) rather than adds: after it the sides' means coincide at that
    layer, so no linear probe does better than chance there. Site ``resid_post``, at the answer
    token by default; not normalised; the sign of ``d`` does not matter to the edit. The
    covariance is shrunk by default (Ledoit-Wolf): the means coincide all the same, and with fewer
    activations than their width the reader does not follow noise. ``shrinkage=0`` is the
    paper's formula. The record gives the shrinkage and the norm of the reader at each layer.
    """

    name = "leace"
    paper = "arXiv 2306.03819"

    shrinkage: Annotated[float, Field(ge=0, le=1)] | Literal["ledoit-wolf"] = Field(
        "ledoit-wolf", description="Share of the identity in the covariance, 0 to 1, or estimated (Ledoit-Wolf)."
    )

    def fit(self, pairs: PairStream) -> Fitted:
        """Direction, reader and mean of each layer."""
        import torch

        from steerstack_plugins.extraction.common.covariance import precision_times
        from steerstack_plugins.extraction.common.sides import mean_difference, sides

        batch = sides(pairs)
        difference = mean_difference(batch, pairs.layers)
        directions, readers, means, shrinkages = {}, {}, {}, {}
        for index, layer in enumerate(pairs.layers):
            positive, negative = batch.positive[:, index].double(), batch.negative[:, index].double()
            mean = (positive.mean(0) + negative.mean(0)) / 2
            apart = difference[index]
            rows = torch.cat([positive, negative]) - mean
            reader, shrinkages[str(layer)] = precision_times(rows.numpy(), apart.numpy(), self.shrinkage)
            weights = torch.from_numpy(reader)
            directions[layer], means[layer] = apart.float(), mean.float()
            readers[layer] = (weights / (weights @ apart)).float()
        norms = {str(layer): float(reader.norm()) for layer, reader in readers.items()}
        record = {"shrinkage": shrinkages, "reader_norm": norms}
        return Fitted(directions, edit="leace", parts={"reader": readers, "mean": means}, record=record)


@final
class LeaceEdit(Edit):
    """Erase a concept: ``h - scale * d r^T (h - mu)`` (Belrose et al., arXiv 2306.03819, theorem 4.3).

    Scale 1 erases it, and 0.5 brings the sides half-way together. A direction that was drawn at
    random as a null has no reader of its own, and is erased orthogonally: ``r = d / |d|^2``.
    """

    name = "leace"
    paper = "arXiv 2306.03819"
    scales: ClassVar[tuple[float, ...] | None] = (0.5, 1.0)

    def plan(self, vector: SteeringVector, layer: int, scale: float, tokens: Tokens) -> Plan:
        """One oblique ablation of strength ``scale``."""
        from steerstack.steering.edits import Ablate

        direction, reader = vector[layer], vector.part("reader", layer)
        if abs(float(reader.double() @ direction.double()) - 1) > 1e-3:
            reader = direction / direction.norm() ** 2
        mean = vector.part("mean", layer)
        return Plan((Ablate(vector.site(layer), direction, "mean", mean, scale, reader, selection=tokens),))
