"""ITI: shift the few attention heads whose outputs tell the two sides apart best."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted
from steerstack.errors import DegenerateDirectionError

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.contracts import PairStream
    from steerstack.steering.site import Component


class _Head(NamedTuple):
    """A head's probe: what it was worth on the validation pairs, and where it points."""

    accuracy: float
    loss: float
    layer: int
    head: int
    weights: Float[ndarray, " head_dim"]


@final
class ITI(Extractor):
    """Inference-time intervention.

    Source: Li et al., arXiv 2306.03341, sec. 3 and eq. 2. (1) A logistic probe is trained on
    each head's output (``head_out``: the input of the output projection) at the last token; (2)
    pairs are split 4:1, both sides of a pair in one part, and the ``heads`` with the best
    validation accuracy are kept (a tie goes to the lower validation loss); (3) ``theta`` is the
    unit vector along the difference of the sides' means over all pairs ("mass mean shift"), or
    along the probe's weights; (4) ``sigma`` is the standard deviation of all activations'
    projections on ``theta``, which the paper takes from a separate set; (5) the edit adds
    ``alpha * sigma * theta`` to each kept head.

    The direction of a layer holds ``sigma * theta`` of its kept heads side by side, zeros
    elsewhere; layers without one are left out. So all layers together
    (:func:`steerstack.techniques.apply.apply_all`) with scale ``alpha`` are ITI; the paper uses 15 to
    20. Position: the last token of the prompt, the answer being part of it. Sign: towards the
    positive side. The record lists the kept heads with their validation accuracies.
    """

    name = "iti"
    paper = "arXiv 2306.03341"
    at_once = True
    scales = (5.0, 15.0)
    position: ClassVar[str] = "last"
    component: ClassVar[Component] = "head_out"

    heads: int = Field(48, ge=1, description="Number of heads that are kept (K); all of them where there are fewer.")
    direction: Literal["mass-mean", "probe"] = Field("mass-mean", description="What theta is.")
    seed: int = Field(0, ge=0, description="Seed of the 4:1 split.")

    def fit(self, pairs: PairStream) -> Fitted:
        """Train the probes, keep the best heads, and make their shifts."""
        import numpy as np
        import torch

        from steerstack_plugins.extraction.common.sides import sides

        count = int(pairs.model.config.num_attention_heads)
        stream = pairs if pairs.component == "head_out" else pairs.at(component="head_out")
        batch = sides(stream, at_least=5, apart=False)
        split = (len(batch.positive), len(stream.layers), count, -1)
        positive, negative = (side.double().reshape(split).numpy() for side in (batch.positive, batch.negative))
        order = np.random.default_rng(self.seed).permutation(len(positive))
        validation = len(order) // 5
        probes = self._probe(positive, negative, order[validation:], order[:validation])
        selection = sorted(probes, key=lambda probe: (-probe.accuracy, probe.loss, probe.layer, probe.head))[
            : self.heads
        ]
        directions: dict[int, torch.Tensor] = {}
        for probe in selection:
            layer, size = stream.layers[probe.layer], len(probe.weights)
            at = directions.setdefault(layer, torch.zeros(batch.positive.shape[-1]))
            shift = self._shift(positive[:, probe.layer, probe.head], negative[:, probe.layer, probe.head], probe)
            at[probe.head * size : (probe.head + 1) * size] = torch.from_numpy(shift).float()
        rows = [
            {"layer": stream.layers[probe.layer], "head": probe.head, "accuracy": probe.accuracy} for probe in selection
        ]
        record = {"heads": rows, "validation_pairs": validation}
        return Fitted(directions, component="head_out", record=record)

    def _probe(
        self,
        positive: Float[ndarray, "pair layer head head_dim"],
        negative: Float[ndarray, "pair layer head head_dim"],
        train: ndarray,
        validation: ndarray,
    ) -> list[_Head]:
        """A probe for every head whose outputs differ at all."""
        import numpy as np
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import log_loss
        from threadpoolctl import threadpool_limits

        from steerstack_plugins.extraction.common.sides import SAME

        def rows(part: ndarray, layer: int, head: int) -> tuple[ndarray, ndarray]:
            both = np.concatenate([positive[part, layer, head], negative[part, layer, head]])
            return both, np.repeat([1, 0], len(part))

        shift = np.linalg.norm(positive.mean(0) - negative.mean(0), axis=-1)
        apart = shift > SAME * np.linalg.norm(positive, axis=-1).mean(0)  # [layer, head]
        heads = []
        with threadpool_limits(1):  # each fit is so small that threads only wait for one another
            for layer, head in np.argwhere(apart).tolist():
                probe = LogisticRegression(max_iter=5000).fit(*rows(train, layer, head))
                features, labels = rows(validation, layer, head)
                loss = float(log_loss(labels, probe.predict_proba(features)))
                heads.append(_Head(float(probe.score(features, labels)), loss, layer, head, probe.coef_[0]))
        if not heads:
            raise DegenerateDirectionError(
                "No head's mean output differs between the two sides.", fix="Check the pairs and the position."
            )
        return heads

    def _shift(
        self, positive: Float[ndarray, "pair head_dim"], negative: Float[ndarray, "pair head_dim"], found: _Head
    ) -> Float[ndarray, " head_dim"]:
        import numpy as np

        theta = found.weights if self.direction == "probe" else positive.mean(0) - negative.mean(0)
        theta = theta / np.linalg.norm(theta)
        return theta * np.std(np.concatenate([positive, negative]) @ theta)
