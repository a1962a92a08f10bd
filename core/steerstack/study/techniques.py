"""Techniques: what is fitted on some items and then makes the model exhibit a behaviour.

A vector with its layer and strength is one, a prompt and a fine-tune are others; a study treats
them alike.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from steerstack import catalog
from steerstack.applying import apply_all
from steerstack.asking import ScoreMode, Shots, ask
from steerstack.contracts import Baseline, Extractor
from steerstack.data import DataSet
from steerstack.engine import fitting
from steerstack.extraction import extract
from steerstack.intervention import Plan
from steerstack.plugins import PluginManager
from steerstack.study import costs
from steerstack.study.matched import strength_at
from steerstack.study.norms import residual_norms
from steerstack.study.scoring import score_data
from steerstack.study.select import candidate_layers, candidate_scales
from steerstack.study.tuned import check_weights
from steerstack.tokens import Tokens
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector


@dataclass(frozen=True)
class Condition:
    """A model ready to be measured, and what it took to make it so.

    Attributes
    ----------
    model, plan, system, shots:
        What runs, what is edited on the way, and what stands before every question.
    parameters, seconds, flops, context_tokens:
        Trained parameters, time, floating-point operations, and tokens added to each prompt.
    record:
        How it was made and selected.
    vector:
        The vector that is edited in, with the layers at which it is; None where there is none worth keeping.
    """

    model: Model
    plan: Plan = field(default_factory=Plan)
    system: str | None = None
    shots: Shots = ()
    parameters: int = 0
    seconds: float = 0.0
    flops: float = 0.0
    context_tokens: int = 0
    record: dict[str, Any] = field(default_factory=dict)
    vector: SteeringVector | None = None

    @property
    def cost(self) -> dict[str, float]:
        """What it took, by name."""
        return {name: getattr(self, name) for name in ("parameters", "seconds", "flops", "context_tokens")}


class Technique(ABC):
    """Fits itself on items."""

    @property
    @abstractmethod
    def name(self) -> str:
        """How results call it."""

    @property
    @abstractmethod
    def paper(self) -> str:
        """Where it is from."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Everything that decides what it does, as JSON."""

    @abstractmethod
    def fit(self, model: Model, train: DataSet, validation: DataSet | None, mode: ScoreMode, seed: int) -> Condition:
        """Fit on ``train``; choose on ``validation`` where there is one."""


@dataclass(frozen=True)
class Steering(Technique):
    """A vector by some method, at the layer and strength that work best on validation.

    Without validation items the layer is the middle candidate and the strength the smallest one.
    Operations are those of reading the training answers once and of scoring the candidates on
    validation; what a method does beyond that (training, generating) is not among them.

    Attributes
    ----------
    method:
        The extractor.
    position, tokens:
        Where it reads (None for the method's own), and which tokens are edited.
    layers:
        Candidate layers; None for three in the middle of the model.
    shares:
        Candidate strengths, as shares of the residual stream's norm.
    kl:
        Instead of them, one strength a layer: the one that costs this KL per token on neutral text.
    """

    method: Extractor
    position: str | None = None
    tokens: str = "response"
    layers: tuple[int, ...] | None = None
    shares: tuple[float, ...] = (0.1, 0.2)
    kl: float | None = None

    @property
    def name(self) -> str:
        """The method's name."""
        return catalog.full_name(self.method, PluginManager.extractors)

    @property
    def paper(self) -> str:
        """The method's paper."""
        return self.method.paper

    def describe(self) -> dict[str, Any]:
        """Method, parameters, positions and candidates."""
        return {**vars(self), "method": self.name, "parameters": self.method.parameters()}

    def find(self, model: Model, train: DataSet) -> SteeringVector:
        """The vector from the items."""
        return extract(model, train, self.method, position=self.position)

    def fit(self, model: Model, train: DataSet, validation: DataSet | None, mode: ScoreMode, seed: int) -> Condition:
        """Extract, then choose by the mean log-odds on validation."""
        del seed
        began = time.monotonic()
        vector = self.find(model, train)
        grid = self._grid(model, vector)
        plans = [apply_all(vector, layers, scale, tokens=Tokens.parse(self.tokens)) for layers, scale in grid]
        best, tried = 0, []
        flops = costs.forward(model, costs.asked_tokens(ask(model.format, train, "text")))
        if validation is not None and len(grid) > 1:
            means = [float(arm.effect_scale.mean()) for arm in score_data(model, validation, mode, plans)]
            best = max(range(len(grid)), key=means.__getitem__)
            tried = [{"layers": a, "scale": b, "log_odds": m} for (a, b), m in zip(grid, means, strict=True)]
            asked = costs.asked_tokens(ask(model.format, validation, mode))
            flops += costs.forward(model, asked * len(grid))
        layers, scale = grid[best]
        found = {"vector": vector.fingerprint, "found": vector.origin.found}
        record = {"layers": layers, "scale": scale, "tried": tried, **found}
        return Condition(
            model, plans[best], seconds=time.monotonic() - began, flops=flops, record=record,
            vector=vector.keeping(layers),
        )  # fmt: skip

    def _grid(self, model: Model, vector: SteeringVector) -> list[tuple[tuple[int, ...], float]]:
        """Candidates (layers edited, strength), the one to use without validation first."""
        if self.method.at_once:
            return [(vector.layers, scale) for scale in self.method.scales or (1.0,)]
        wanted: Sequence[int] = self.layers or candidate_layers(model.n_layers, 3)
        layers = [layer for layer in wanted if layer in vector.directions] or list(vector.layers)
        middle = layers[len(layers) // 2]
        norms = residual_norms(model)
        ordered = [middle, *(layer for layer in layers if layer != middle)]
        if self.kl is not None:
            tokens = Tokens.parse(self.tokens)
            return [((at,), strength_at(self.kl, model, vector, [at], norms, tokens=tokens)) for at in ordered]
        scales = {at: self.method.scales or candidate_scales(vector, at, norms[at], self.shares) for at in ordered}
        return [((at,), scale) for at in ordered for scale in scales[at]]


@dataclass(frozen=True)
class Conditioning(Technique):
    """A baseline: a prompt, demonstrations, or training."""

    baseline: Baseline

    @property
    def name(self) -> str:
        """The baseline's name."""
        return catalog.full_name(self.baseline, PluginManager.baselines)

    @property
    def paper(self) -> str:
        """The baseline's paper."""
        return self.baseline.paper

    def describe(self) -> dict[str, Any]:
        """Name and parameters."""
        return {"baseline": self.name, "parameters": self.baseline.parameters()}

    def fit(self, model: Model, train: DataSet, validation: DataSet | None, mode: ScoreMode, seed: int) -> Condition:
        """Tune; without validation items it chooses on the training items, which is recorded."""
        tuned = fitting.tuned(asked_by(self.baseline, mode), model, train, validation or train, seed=seed)
        record = {**tuned.record, "chosen_on": "validation" if validation else "train"}
        return Condition(
            tuned.model,
            tuned.plan or Plan(),
            tuned.system,
            tuned.shots,
            tuned.parameters,
            tuned.seconds,
            tuned.flops,
            tuned.context_tokens,
            record,
        )


def check_techniques(model: Model, techniques: Sequence[Technique], data: Iterable[DataSet]) -> None:
    """Refuse, before anything is run, what would train weights on a server, or quantized, or has not the data it needs.

    Raises
    ------
    RemoteError, ModelError, DataError
        There is one.
    """
    baselines = [one.baseline for one in techniques if isinstance(one, Conditioning)]
    check_weights(model, baselines)
    for baseline, each in product(baselines, data):
        baseline.check_data(each)


def asked_by(baseline: Baseline, mode: ScoreMode) -> Baseline:
    """A baseline that asks and scores items as its study does, unless it was told how."""
    field = type(baseline).model_fields.get("mode")
    follows = field is not None and str(field.annotation) == str(ScoreMode) and "mode" not in baseline.model_fields_set
    return baseline.model_copy(update={"mode": mode}) if follows else baseline


def technique(name: str, parameters: dict[str, Any] | None = None, **options: Any) -> Technique:
    """A technique by the name of an extractor or of a baseline (an extractor where both have it).

    Parameters
    ----------
    name, parameters:
        The method and its parameters.
    options:
        Of :class:`Steering`, where it is one.

    Raises
    ------
    PluginError
        Neither has the name.
    """
    made = catalog.technique(name).make(parameters)
    return Conditioning(made) if isinstance(made, Baseline) else Steering(made, **options)
