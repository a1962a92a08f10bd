"""A probe on a data set: trained on train, its layer chosen on validation, reported on test.

Always beside what needs no activations, a text-only classifier, and beside a random direction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from steerstack.catalog.lookup import full_name
from steerstack.contracts import FittedProbe, OneLayer, PairBatch, Probe
from steerstack.data.items import DataSet
from steerstack.data.splits import split
from steerstack.engine.data_activations import DataActivations
from steerstack.engine.resources.activation_store import STORE
from steerstack.stats.auroc import auroc, paired_auroc
from steerstack.stats.estimates import Estimate
from steerstack.stats.item_clusters import groups_of
from steerstack.trace.model import Model

RANDOM_DIRECTIONS = 20


@dataclass(frozen=True)
class ProbeResult:
    """What a probe reaches on the test split, and what reaches as much without activations.

    Attributes
    ----------
    profile:
        AUROC on validation by layer.
    layer:
        The layer chosen there.
    test, text_only:
        AUROC on test of the probe, and of TF-IDF with logistic regression on the answers' words.
    random:
        AUROC on test of random directions at the chosen layer, each taken the better way round.
    """

    probe: Probe
    behavior: str
    position: str
    profile: dict[int, float]
    layer: int
    test: Estimate
    text_only: Estimate
    random: NDArray[np.float64]
    about: dict[str, Any]

    def to_json(self) -> dict[str, object]:
        """The file form of ``probe --json``."""
        above = self.test.ci_low > max(float(self.random.max()), self.text_only.value)
        return {
            "behavior": self.behavior,
            "probe": full_name("probe", self.probe),
            "parameters": self.probe.parameters(),
            "position": self.position,
            "selected": {"layer": self.layer, "on": "validation", "choices_tried": len(self.profile)},
            "profile": {str(layer): value for layer, value in self.profile.items()},
            "auroc": self.test.to_json(),
            "text_only_auroc": self.text_only.to_json(),
            "random_direction_auroc": {"n": len(self.random), "mean": float(self.random.mean()),
                                       "max": float(self.random.max())},
            "verdict": "The probe reads more than the words and random directions do."
            if above
            else "Not shown to read more than the words, or a random direction, do.",
            **self.about,
        }  # fmt: skip


def run_probe(
    probe: Probe,
    model: Model,
    data: DataSet,
    *,
    position: str = "response",
    layers: Sequence[int] | None = None,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> ProbeResult:
    """Train and test a probe for the side that exhibits the behaviour.

    Parameters
    ----------
    probe, model, data:
        What learns, what is read, and the items.
    position:
        Where activations are read: see :func:`steerstack.data.questions.contrast_pairs`.
    layers:
        Candidate layers; None for all.
    """
    parts = split(data, seed=seed)
    activations = {
        name: DataActivations(
            model, getattr(parts, name), position=position, layers=layers, progress=progress, store=STORE
        )
        for name in ("train", "validation", "test")
    }
    whole = {name: stream.collect() for name, stream in activations.items()}
    candidates = activations["train"].layers
    fitted = [probe.fit(OneLayer(whole["train"], index, layer)) for index, layer in enumerate(candidates)]

    def sides(index: int, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return _scores(fitted[index], whole[name], index)

    profile = {layer: auroc(*sides(index, "validation")) for index, layer in enumerate(candidates)}
    best = max(range(len(candidates)), key=lambda index: profile[candidates[index]])
    return ProbeResult(
        probe,
        data.behavior,
        position,
        profile,
        candidates[best],
        paired_auroc(*sides(best, "test"), groups=clusters_of(activations["test"])),
        _text_only(parts.train, parts.test),
        random_aurocs(whole["test"], best, seed),
        {
            "n": {name: len(getattr(parts, name)) for name in activations},
            "data_digests": parts.digests,
            "model": model.name,
            "model_fingerprint": model.fingerprint,
            "paths": model.paths_taken,
        },
    )


def _scores(fitted: FittedProbe, batch: PairBatch, index: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return fitted.score(batch.positive[:, [index]]), fitted.score(batch.negative[:, [index]])


def _text_only(train: DataSet, test: DataSet) -> Estimate:
    def texts(data: DataSet) -> tuple[list[str], list[str]]:
        return [f"{i.question} {i.exhibits_text}" for i in data], [f"{i.question} {i.contrast_text}" for i in data]

    words = TfidfVectorizer(ngram_range=(1, 2))
    positive, negative = texts(train)
    features = words.fit_transform(positive + negative)
    model = LogisticRegression(C=10.0, max_iter=1000).fit(features, np.repeat([1, 0], len(positive)))
    scores = [model.decision_function(words.transform(side)) for side in texts(test)]
    return paired_auroc(*scores, groups=groups_of(test))


def clusters_of(activations: DataActivations) -> list[int] | None:
    """The cluster of each pair, in the order in which activations come; None where items are as good as independent."""
    groups = groups_of(activations.data)
    return None if groups is None else [groups[number] for number in activations.order]


def random_aurocs(batch: PairBatch, index: int, seed: int) -> Float[np.ndarray, " draw"]:
    """AUROC of random directions on one layer of a batch, each taken the better way round."""
    generator = torch.Generator().manual_seed(seed)
    areas = []
    for _ in range(RANDOM_DIRECTIONS):
        direction = torch.randn(batch.positive.shape[-1], generator=generator)
        value = auroc((batch.positive[:, index] @ direction).numpy(), (batch.negative[:, index] @ direction).numpy())
        areas.append(max(value, 1 - value))
    return np.array(areas)
