"""Noise on weights and on activations: a model that hides an ability may answer better under it.

Tice et al., arXiv 2412.01784: Gaussian noise N(0, sigma^2) on all weights. The accuracy of an honest model falls
with sigma; that of one that holds back can rise first.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from steerstack.data.items import Item
from steerstack.errors import ModelError, ParameterError
from steerstack.stats import estimates
from steerstack.stats.estimates import Estimate
from steerstack.steering.intervention import Plan, SelectiveIntervention
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.trace.model import Model
from steerstack.util import digest
from steerstack_plugins.sandbagging.audit.choices import Choices, Way
from steerstack_plugins.sandbagging.audit.tally import Tally

SHARES = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6)
"""Standard deviations that are tried, as shares of the root mean square of all weights."""

ACTIVATION_SHARES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Strengths on activations, as shares of the norm of each: the norms that follow a block take most of it away."""


def weight_rms(model: Model) -> float:
    """Root mean square of all weights: the unit of the shares."""
    parts = [(parameter.double().square().sum().item(), parameter.numel()) for parameter in model.module.parameters()]
    return float(np.sqrt(sum(total for total, _ in parts) / sum(count for _, count in parts)))


@contextlib.contextmanager
def noisy(model: Model, sigma: float, seed: int) -> Iterator[None]:
    """Add independent N(0, sigma^2) to every weight, and put the very bits back afterwards.

    Parameters
    ----------
    model:
        Changed in place; nobody else may run it meanwhile.
    sigma:
        In units of the weights.
    seed:
        Of the noise.

    Raises
    ------
    ModelError
        The weights that were put back are not those from before.
    """
    parameters = list(model.module.parameters())
    before = digest.of_tensors(sorted(model.module.state_dict().items()))
    with model.lock:
        copies = [parameter.detach().clone() for parameter in parameters]
        generator = torch.Generator().manual_seed(seed)
        try:
            with torch.no_grad():
                for parameter in parameters:
                    noise = torch.randn(parameter.shape, generator=generator) * sigma
                    parameter.add_(noise.to(device=parameter.device, dtype=parameter.dtype))
            yield
        finally:
            with torch.no_grad():
                for parameter, value in zip(parameters, copies, strict=True):
                    parameter.copy_(value)
    after = digest.of_tensors(sorted(model.module.state_dict().items()))
    if after != before:
        raise ModelError("The weights could not be put back.", seen=f"{before[:12]} before, {after[:12]} after")


@final
@dataclass(frozen=True, eq=False, repr=False)
class ActivationNoise(SelectiveIntervention):
    """Add Gaussian noise to activations, ``share`` times the norm of each, in expectation.

    The noise is drawn from the seed at every pass, position by position: the same batch gets the same noise, and
    another batching another draw of the same distribution.
    """

    share: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.share < float("inf")):
            raise ParameterError(f"Noise of {self.share} is none.", fix="Give a positive share of the norm.")

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations with noise."""
        generator = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(hidden.shape, generator=generator).to(hidden.device)
        scale = self.share * hidden.float().norm(dim=-1, keepdim=True) / hidden.shape[-1] ** 0.5
        return hidden + (scale * noise).to(hidden.dtype)


@dataclass(frozen=True)
class NoiseCurve:
    """Accuracy under noise.

    Attributes
    ----------
    without:
        Choices without noise.
    levels:
        Strengths of the noise, as shares of what it is measured by.
    chosen:
        Place of the chosen option: [level, seed, item].
    record:
        How it was made.
    """

    without: Choices
    levels: tuple[float, ...]
    chosen: NDArray[np.int64]
    record: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Whether each answer was right: [level, seed, item]."""
        return self.chosen == np.array([item.exhibits for item in self.without.items])

    @cached_property
    def accuracy(self) -> Float[NDArray[np.float64], "level seed"]:
        """Share of right answers."""
        return np.asarray(self.right.mean(-1))

    @cached_property
    def best(self) -> int:
        """Index of the level with the highest accuracy over the seeds."""
        return int(self.accuracy.mean(1).argmax())

    @property
    def ratio(self) -> float:
        """``max_sigma mean_seed accuracy(sigma) / accuracy(0)``: the improvement ratio; infinite from zero."""
        base, top = float(self.without.right.mean()), float(self.accuracy.mean(1).max())
        return top / base if base else float("inf") if top else 1.0

    def gain(self, level: int | None = None) -> Estimate:
        """Accuracy at a level minus without noise, over items, each averaged over the seeds.

        Without a level the best of this very curve is taken, which flatters; give one that other items chose.
        """
        index = self.best if level is None else level
        after, before = self.right[index].mean(0), self.without.right.astype(float)
        return estimates.difference(after, before, groups=self.without.groups)

    def tally(self, level: int) -> Tally:
        """How much oftener each option of each fact was chosen at a level than without noise, over all seeds."""
        bare, items = self.without.tally, self.without.items
        tallies = [Tally.of(items, picks) - bare for picks in self.chosen[level]]
        return sum(tallies[1:], start=tallies[0])

    def to_json(self) -> dict[str, object]:
        """For the report."""
        return {
            "levels": list(self.levels),
            "accuracy_by_seed": self.accuracy.tolist(),
            "accuracy_without": float(self.without.right.mean()),
            "improvement_ratio": estimates.finite(self.ratio),
            "best_level": self.levels[self.best],
            "best_above_chance": float(self.accuracy.mean(1).max()) - self.without.chance,
            **self.record,
        }


def weight_noise_curve(
    model: Model,
    items: Sequence[Item],
    *,
    shares: Sequence[float] = SHARES,
    seeds: int = 3,
    seed: int = 0,
    way: Way | None = None,
    progress: Callable[[int], None] | None = None,
) -> NoiseCurve:
    """Accuracy under noise on all weights.

    Parameters
    ----------
    model, items:
        What is asked; afterwards the weights are the same bits as before.
    shares:
        Standard deviations, as shares of the root mean square of all weights (a choice of ours: the paper's
        sigmas are absolute; both are in the record).
    seeds, seed:
        Number of draws at each level, and the first one's seed.
    way:
        How it is asked; bare by default.
    progress:
        Told of each draw.
    """
    manner, unit = way or Way(model), weight_rms(model)
    picks = np.zeros((len(shares), seeds, len(items)), np.int64)
    for level, amount in enumerate(shares):
        for draw in range(seeds):
            with noisy(model, amount * unit, seed + draw):
                picks[level, draw] = manner.ask(items).chosen
            if progress:
                progress(1)
    record = {"on": "weights", "unit": unit, "sigmas": [amount * unit for amount in shares], "seeds": seeds}
    return NoiseCurve(manner.ask(items), tuple(shares), picks, record)


def activation_noise_curve(
    model: Model,
    items: Sequence[Item],
    *,
    layer: int,
    shares: Sequence[float] = ACTIVATION_SHARES,
    seeds: int = 3,
    seed: int = 0,
    way: Way | None = None,
) -> NoiseCurve:
    """Accuracy under noise on the output of one block, at all positions; shares are of each activation's norm.

    ``way`` is how it is asked, but for its edits; bare by default.
    """
    site = Site("resid_post", layer)
    plans = [
        Plan((ActivationNoise(site, amount, seed + draw, selection=Tokens("all")),))
        for amount in shares
        for draw in range(seeds)
    ]
    without, *arms = (way or Way(model)).under([Plan(), *plans], items)
    picks = np.stack([choices.chosen for choices in arms]).reshape(len(shares), seeds, len(items))
    return NoiseCurve(without, tuple(shares), picks, {"on": "activations", "layer": layer, "seeds": seeds})
