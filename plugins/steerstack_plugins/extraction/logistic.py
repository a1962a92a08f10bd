"""The direction of a logistic-regression probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.contracts import PairStream


@final
class Logistic(Extractor):
    """Normal of the boundary that a logistic regression draws between the two sides.

    Source: the probe of Goldowsky-Dill et al., arXiv 2502.03407, sec. 3: activations are
    standardised (mean 0 and variance 1 a feature), and ``l2 / 2 |w|^2`` is added to the summed
    loss. As a steering direction it is the "probe weight" of Li et al., arXiv 2306.03341, table
    3. The weights are mapped back to the activations, ``w / spread``: the gradient of the
    probe's logit there.

    Site ``resid_post``, at the answer token by default. Sign: the probe gives the positive side
    the higher logit. Length: the distance of the sides' means along the direction, so that
    strength 1 moves an activation from one mean to the other as the probe sees them. The record
    gives the accuracy on the training pairs, at each layer.
    """

    name = "logistic"
    paper = "arXiv 2502.03407"

    l2: float = Field(10.0, gt=0, description="Strength of the L2 penalty (lambda).")
    iterations: int = Field(2000, ge=1, description="Bound on the optimiser's iterations.")

    def fit(self, pairs: PairStream) -> Fitted:
        """Train one probe a layer."""
        import torch

        from steerstack_plugins.extraction.common.sides import mean_difference, sides

        batch = sides(pairs)
        difference = mean_difference(batch, pairs.layers)
        directions, accuracy = {}, {}
        for index, layer in enumerate(pairs.layers):
            positive, negative = (side[:, index].double().numpy() for side in (batch.positive, batch.negative))
            direction, accuracy[str(layer)] = self._direction(positive, negative, difference[index].numpy())
            directions[layer] = torch.from_numpy(direction).float()
        return Fitted(directions, record={"training_accuracy": accuracy})

    def _direction(
        self,
        positive: Float[ndarray, "pair width"],
        negative: Float[ndarray, "pair width"],
        apart: Float[ndarray, " width"],
    ) -> tuple[Float[ndarray, " width"], float]:
        import numpy as np
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler
        from threadpoolctl import threadpool_limits

        rows = np.concatenate([positive, negative])
        labels = np.repeat([1, 0], [len(positive), len(negative)])
        scaler = StandardScaler().fit(rows)
        features = scaler.transform(rows)
        with threadpool_limits(1):  # many small products: threads only wait for one another
            probe = LogisticRegression(C=1 / self.l2, max_iter=self.iterations, tol=1e-8).fit(features, labels)
        normal = probe.coef_[0] / scaler.scale_
        unit = normal / np.linalg.norm(normal)
        return unit * abs(float(apart @ unit)), float(probe.score(features, labels))
