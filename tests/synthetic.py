"""Contrast pairs made of numbers alone, with a planted shift at each layer."""

from types import SimpleNamespace

import numpy as np
import torch

from steerstack.contracts import PairBatch, PairStream
from steerstack.engine.data_activations import DataActivations

LAYERS = (0, 2, 5)


class Synthetic(PairStream):
    """Pairs given as two tensors [pair, layer, width]; ``heads`` makes up a model with that many."""

    def __init__(self, positive, negative, *, batch=16, component="resid_post", heads=4, layers=LAYERS):
        self.positive, self.negative, self.batch = positive, negative, batch
        self._component, self._heads, self._layers = component, heads, layers

    @property
    def layers(self):
        return self._layers

    @property
    def component(self):
        return self._component

    @property
    def model(self):
        return SimpleNamespace(config=SimpleNamespace(num_attention_heads=self._heads))

    def __len__(self):
        return len(self.positive)

    def __iter__(self):
        for at in range(0, len(self), self.batch):
            yield PairBatch(self.positive[at : at + self.batch], self.negative[at : at + self.batch])

    def at(self, *, component=None, position=None):
        return Synthetic(self.positive, self.negative, batch=self.batch, component=component, heads=self._heads)

    def changed(self, *, order=None, swap=False, batch=16):
        """The same pairs in another order, with the sides exchanged, or in other batches."""
        order = torch.arange(len(self)) if order is None else order
        sides = (self.positive[order], self.negative[order])
        return Synthetic(*(sides[::-1] if swap else sides), batch=batch, component=self._component, heads=self._heads)


def planted(pairs=96, width=24, *, shift=3.0, spread=4.0, noise=0.5, seed=0, component="resid_post"):
    """Pairs with a shift along a random unit direction at each layer, and those directions [layer, width].

    What the sides of a pair have in common is anisotropic: standard deviations from 0.2 to
    ``spread`` along random axes. Each side has isotropic noise of its own besides.
    """
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((len(LAYERS), width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    scales = np.geomspace(0.2, spread, width)
    axes = [np.linalg.qr(rng.standard_normal((width, width)))[0] for _ in LAYERS]
    common = np.stack([(rng.standard_normal((pairs, width)) * scales) @ q.T for q in axes], 1) + 1.0
    sides = [common + noise * rng.standard_normal(common.shape) + sign * shift / 2 * directions for sign in (1, -1)]
    tensors = [torch.from_numpy(side).float() for side in sides]
    return Synthetic(*tensors, component=component), torch.from_numpy(directions).float()


def cosines(directions, expected):
    """Cosine at each layer."""
    return [float(torch.cosine_similarity(directions[layer], row.float(), dim=0)) for layer, row in expected.items()]


def on_model(model, data, *, shift=1.0, **options):
    """Real activations of a data set, with the positive side moved along a random direction at each layer.

    The sides of every other pair are exchanged first, so that what the model itself makes of them
    cancels out. ``shift`` is a share of the activations' mean norm. Gives the pairs and the
    directions, by layer.
    """
    real = DataActivations(model, data, **{"position": "response", **options})
    batch = real.collect()
    generator = torch.Generator().manual_seed(1)
    directions = torch.randn(batch.positive.shape[1:], generator=generator)
    directions /= directions.norm(dim=-1, keepdim=True)
    norms = batch.negative.norm(dim=-1).mean(0)[:, None]
    odd = torch.arange(len(real))[:, None, None] % 2 == 1
    positive, negative = (
        torch.where(odd, *sides) for sides in ((batch.positive, batch.negative), (batch.negative, batch.positive))
    )
    moved = Synthetic(positive + shift * norms * directions, negative, layers=tuple(real.layers))
    return moved, dict(zip(real.layers, directions, strict=True))
