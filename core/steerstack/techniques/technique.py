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

from steerstack.catalog.lookup import find, full_name
from steerstack.contracts import Baseline, Extractor
from steerstack.data.items import DataSet
from steerstack.data.questions import ScoreMode
from steerstack.engine import fit as fitting
from steerstack.measure.arm import BARE, Arm
from steerstack.measure.scoring import score_data
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.compute import of_vector
from steerstack.techniques.extract import extract
from steerstack.techniques.fine_tunes import check_weights, unless_unchanged
from steerstack.techniques.promise import ITEMS, sites_to_rank, slopes_on
from steerstack.techniques.search import choose
from steerstack.techniques.selection import SHARES, Candidate, Candidates
from steerstack.techniques.strength_at_kl import kl_at
from steerstack.trace.model import Model


@dataclass(frozen=True)
class Treatment:
    """What a technique made of a model: the arm to measure, and what it took to make it.

    Attributes
    ----------
    arm:
        What runs, what is edited on the way, and what stands before every question.
    parameters, seconds, flops, context_tokens:
        Trained parameters, time, floating-point operations, and tokens added to each prompt.
    record:
        How it was made and selected.
    vector:
        The vector that is edited in, with the layers at which it is; None where there is none worth keeping.
    """

    arm: Arm
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

    @property
    def code(self) -> tuple[str, ...]:
        """Modules that hold its method."""
        return ()

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """Everything that decides what it does, as JSON."""

    @abstractmethod
    def fit(self, model: Model, train: DataSet, validation: DataSet | None, mode: ScoreMode, seed: int) -> Treatment:
        """Fit on ``train``; choose on ``validation`` where there is one."""


@dataclass(frozen=True)
class Steering(Technique):
    """A vector by some method, at the layer and strength that are chosen on validation.

    The rule is that of :mod:`steerstack.techniques.selection`, the same in every study.
    Operations are those of reading the training answers once and of scoring the candidates on
    validation; what a method does beyond that (training, generating) is not among them.

    Attributes
    ----------
    method:
        The extractor.
    position, tokens:
        Where it reads (None for the method's own), and which tokens are edited.
    layers:
        Candidate layers; None for six over the middle of the model.
    shares:
        Candidate strengths, as shares of the residual stream's norm.
    kl:
        Instead of them, one strength a layer: the one that costs this KL per token on neutral text.
    """

    method: Extractor
    position: str | None = None
    tokens: str = "response"
    layers: tuple[int, ...] | None = None
    shares: tuple[float, ...] = SHARES
    kl: float | None = None

    @property
    def name(self) -> str:
        """The method's name."""
        return full_name("extractor", self.method)

    @property
    def paper(self) -> str:
        """The method's paper."""
        return self.method.paper

    @property
    def code(self) -> tuple[str, ...]:
        """The extractor's module."""
        return (type(self.method).__module__,)

    def describe(self) -> dict[str, object]:
        """Method, parameters, positions and candidates."""
        return {**vars(self), "method": self.name, "parameters": self.method.parameters()}

    def find(self, model: Model, train: DataSet) -> SteeringVector:
        """The vector from the items."""
        return extract(model, train, self.method, position=self.position)

    @property
    def candidates(self) -> Candidates:
        """What is tried for a vector."""
        return Candidates(self.layers, self.shares, self.kl, Tokens.parse(self.tokens))

    def fit(self, model: Model, train: DataSet, validation: DataSet | None, mode: ScoreMode, seed: int) -> Treatment:
        """Extract, then choose on validation by the rule of :mod:`steerstack.techniques.selection`."""
        del seed
        began = time.monotonic()
        vector = self.find(model, train)
        tokens = Tokens.parse(self.tokens)
        grid = self.candidates.of(model, vector, self.method)
        sample = validation.spread(ITEMS) if validation is not None else None

        def score(candidates: Sequence[Candidate]) -> list[float]:
            assert sample is not None
            plans = [candidate.plan(vector, tokens) for candidate in candidates]
            return [float(arm.effect_scale.mean()) for arm in score_data(model, sample, mode, plans)]

        promise = None
        sites = sites_to_rank(vector, self.method, grid, self.kl) if validation is not None else []
        if sites and validation is not None:
            promise = slopes_on(model, validation, mode, sites, tokens).promise(vector, grid)
        choice = choose(
            grid, None if sample is None else score, lambda one: kl_at(model, [one.plan(vector, tokens)])[0],
            promise=promise, kl=self.kl,
        )  # fmt: skip
        origin = {"vector": vector.fingerprint, "found": vector.origin.found}
        record = {**choice.to_json(), **origin}
        return Treatment(
            Arm(model, choice.candidate.plan(vector, tokens), label=self.name), seconds=time.monotonic() - began,
            flops=of_vector(model, train, validation, mode, choice), record=record,
            vector=vector.keeping(choice.candidate.layers),
        )  # fmt: skip


@dataclass(frozen=True)
class Conditioning(Technique):
    """A baseline: a prompt, demonstrations, or training.

    Attributes
    ----------
    baseline:
        The baseline itself.
    candidates:
        What is tried for the vectors of its study: it gets as many choices. None for those of its own.
    """

    baseline: Baseline
    candidates: Candidates | None = None

    @property
    def name(self) -> str:
        """The baseline's name, and what sets it apart from others of that name."""
        name = full_name("baseline", self.baseline)
        return f"{name}+{self.baseline.variant}" if self.baseline.variant else name

    @property
    def paper(self) -> str:
        """The baseline's paper."""
        return self.baseline.paper

    @property
    def code(self) -> tuple[str, ...]:
        """The baseline's module."""
        return (type(self.baseline).__module__,)

    def describe(self) -> dict[str, object]:
        """Name and parameters, and what is tried for vectors."""
        candidates = self.candidates and {**vars(self.candidates), "tokens": None}
        name = full_name("baseline", self.baseline)
        return {"baseline": name, "parameters": self.baseline.parameters(), "beside": candidates}

    def fit(self, model: Model, train: DataSet, validation: DataSet | None, mode: ScoreMode, seed: int) -> Treatment:
        """Tune; without validation items it chooses on the training items, which is recorded."""
        tuned = fitting.tuned(self.asked(model, mode), model, train, validation or train, seed=seed)
        tuned = unless_unchanged(self.baseline, tuned, model)
        finetune = self.name if self.baseline.trains else BARE
        arm = Arm(tuned.model, tuned.plan or Plan(), tuned.system, tuned.shots, finetune, self.name)
        record = {**tuned.record, "chosen_on": "validation" if validation else "train"}
        return Treatment(arm, tuned.parameters, tuned.seconds, tuned.flops, tuned.context_tokens, record)

    def asked(self, model: Model, mode: ScoreMode) -> Baseline:
        """The baseline as its study asks it, with as many choices as vectors have."""
        return asked_by(self.baseline, mode, self.candidates.count(model) if self.candidates else None)


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


def asked_by(baseline: Baseline, mode: ScoreMode, choices: int | None = None) -> Baseline:
    """A baseline that asks and scores items as its study does, with as many choices, unless it was told otherwise."""
    plugin = baseline if choices is None else baseline.with_choices(choices)
    field = type(baseline).model_fields.get("mode")
    annotations = {str(ScoreMode), str(ScoreMode | None)}
    follows = field is not None and str(field.annotation) in annotations and "mode" not in baseline.model_fields_set
    return plugin.model_copy(update={"mode": mode}) if follows else plugin


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
    return technique_of(find("technique", name).make(parameters), **options)


def technique_of(method: Extractor | Baseline, **options: Any) -> Technique:
    """The technique that a method is; ``options`` are those of :class:`Steering`, where it is one."""
    steering = {"layers", "shares", "kl"}
    if isinstance(method, Baseline):
        candidates = {name: options[name] for name in steering & set(options)}
        return Conditioning(method, Candidates(**candidates) if candidates else None)
    return Steering(method, **options)
