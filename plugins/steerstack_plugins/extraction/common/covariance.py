"""The inverse covariance of activations, applied to a direction without being formed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

Shrinkage = float | Literal["ledoit-wolf"]
"""How far the covariance is drawn towards a multiple of the identity: 0 to 1, or estimated."""


def precision_times(
    centred: Float[ndarray, "n width"], vector: Float[ndarray, " width"], shrinkage: Shrinkage
) -> tuple[Float[ndarray, " width"], float]:
    """``Sigma^-1 vector``, and the shrinkage that was used.

    ``Sigma = (1 - s) S + s tr(S) / width I`` with the empirical covariance ``S`` of the rows,
    which are centred already. By a thin singular value decomposition of the rows: there may
    be fewer than the width. Where ``s`` is 0 it is the pseudo-inverse. Rows that do not vary
    at all say nothing of any axis: the vector comes back as it is.

    The estimate of ``s`` is that of Ledoit and Wolf, J. Multivariate Analysis 88 (2004), by scikit-learn.
    """
    import numpy as np
    import torch
    from sklearn.covariance import ledoit_wolf_shrinkage
    from threadpoolctl import threadpool_limits

    count, width = centred.shape
    with threadpool_limits(torch.get_num_threads()):  # numpy does not know of the limit that torch was given
        by_estimate = shrinkage == "ledoit-wolf"
        share = float(ledoit_wolf_shrinkage(centred, assume_centered=True)) if by_estimate else float(shrinkage)
        _, singular, basis = np.linalg.svd(centred, full_matrices=False)
    if not singular.any():
        return vector, share
    variances = singular**2 / count
    floor = share * float(variances.sum()) / width
    mask = singular > singular[0] * max(count, width) * np.finfo(float).eps
    variances, basis = variances[mask], basis[mask]
    inside = basis @ vector
    product = basis.T @ (inside / ((1 - share) * variances + floor))
    if share > 0:
        product = product + (vector - basis.T @ inside) / floor
    return product, share
