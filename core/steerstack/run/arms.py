"""Score arms through the ledger: each arm's items are computed once, and kept."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from steerstack.data.items import DataSet
from steerstack.data.questions import ScoreMode, Shots, times_asked
from steerstack.engine.divergence import divergence
from steerstack.measure.arm import Arm
from steerstack.measure.neutral_text import neutral_texts, paragraphs
from steerstack.measure.scoring import ArmScores, score_data
from steerstack.run.ledger import Ledger
from steerstack.run.progress import SILENT, Progress
from steerstack.run.step import Step
from steerstack.stats import estimates
from steerstack.stats.estimate import EstimateJson
from steerstack.stats.item_clusters import groups_of
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model

SHARD = 64
"""Items that are scored between two entries in the ledger: what a kill can cost. A server has a number of its own."""


@dataclass(frozen=True)
class ArmValues:
    """What is kept of an arm: one value an item.

    Attributes
    ----------
    log_odds:
        On the scale on which arms are compared (per token for ``text``), in nats.
    probability:
        Of the exhibiting answer among the two; for ``text`` the sigmoid of the log-odds per token.
    edited:
        Number of positions edited.
    answered:
        Probability of the exhibiting answer among the two, from summed log-probabilities; None where that is
        ``probability``.
    items:
        What was scored; None where that is not known.
    """

    log_odds: NDArray[np.float64]
    probability: NDArray[np.float64]
    edited: int
    answered: NDArray[np.float64] | None = None
    items: DataSet | None = None

    @property
    def groups(self) -> tuple[int, ...] | None:
        """The cluster of each item; None where they are as good as independent, or not known."""
        return groups_of(self.items) if self.items is not None else None

    @property
    def mass(self) -> NDArray[np.float64]:
        """Probability of the exhibiting answer among the two: what a ceiling is told by."""
        return self.probability if self.answered is None else self.answered

    @classmethod
    def of(cls, scores: ArmScores) -> "ArmValues":
        """What is kept of scores."""
        return cls(scores.effect_scale, scores.squashed, scores.edited_positions, scores.probability)

    def to_json(self) -> dict[str, object]:
        """For the ledger."""
        answered = None if self.answered is None else self.answered.tolist()
        return {"log_odds": self.log_odds.tolist(), "probability": self.probability.tolist(), "edited": self.edited,
                "answered": answered}  # fmt: skip

    @classmethod
    def joined(cls, parts: Sequence["ArmValues"]) -> "ArmValues":
        """The parts of one arm, one after the other."""
        log_odds = np.concatenate([part.log_odds for part in parts])
        probability = np.concatenate([part.probability for part in parts])
        answered = np.concatenate([part.mass for part in parts])
        return cls(log_odds, probability, sum(part.edited for part in parts), answered)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ArmValues":
        """From the ledger."""
        answered = None if value["answered"] is None else np.array(value["answered"])
        return cls(np.array(value["log_odds"]), np.array(value["probability"]), value["edited"], answered)


@dataclass(frozen=True)
class Shard(Step):
    """Score some items under every arm of a list; its unit is an evaluation (question x arm)."""

    what: str
    items: DataSet
    mode: ScoreMode
    plans: tuple[Plan, ...]
    system: str | None
    shots: Shots

    @property
    def size(self) -> int:
        """Number of evaluations."""
        return len(self.plans) * sum(times_asked(item, self.mode) for item in self.items)

    def key(self, model: Model) -> Any:
        """Model, items, prompt and plans."""
        plans = [plan.fingerprint for plan in self.plans]
        return [model.fingerprint, self.items.digest, self.mode, self.system, self.shots, plans]

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """The values of each arm."""
        arms = score_data(
            model, self.items, self.mode, self.plans, system=self.system, shots=self.shots, progress=progress
        )
        return [ArmValues.of(scores).to_json() for scores in arms]


@dataclass(frozen=True)
class CostStep(Step):
    """Mean KL per token from the unsteered model, and perplexity, of each plan on neutral text; its unit is a text."""

    what: str
    plans: tuple[Plan, ...]

    @property
    def size(self) -> int:
        """Number of texts x plans."""
        return len(paragraphs()) * len(self.plans)

    def key(self, model: Model) -> Any:
        """Model, texts and plans."""
        texts = [list(text.ids) for text in neutral_texts(model.format)]
        return [model.fingerprint, texts, [plan.fingerprint for plan in self.plans]]

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """One entry a plan."""
        return [
            {
                "kl": float(np.mean(cost.kl)),
                "kl_estimate": estimates.mean(cost.kl).to_json(),
                "kl_reverse": estimates.mean(cost.reverse).to_json(),
                "perplexity": float(np.exp(np.mean(cost.cross_entropy))),
            }
            for cost in divergence(model, neutral_texts(model.format), self.plans, progress=progress)
        ]


class PlanCost(TypedDict):
    """What a plan costs per token of neutral text: KL in nats in both directions, and perplexity."""

    kl: float
    kl_estimate: EstimateJson
    kl_reverse: EstimateJson
    perplexity: float


class Request(ABC):
    """Work that a study asks for, before it is cut into steps."""

    what: str

    @abstractmethod
    def steps(self, model: Model, mode: ScoreMode) -> list[tuple[Model, Step]]:
        """Its steps, each with the model it runs on; ``model`` is the study's own."""

    @abstractmethod
    def read(self, values: Sequence[Any]) -> Any:
        """What the values of its steps say together."""


@dataclass(frozen=True)
class ScoreArms(Request):
    """Every item of ``data`` under every arm; one :class:`ArmValues` an arm, in order.

    A step of the ledger holds :data:`SHARD` items under all arms that share model, system prompt and demonstrations.
    """

    what: str
    data: DataSet
    arms: Sequence[Arm]

    def steps(self, model: Model, mode: ScoreMode) -> list[tuple[Model, Step]]:
        """One for each group of arms and shard of items."""
        del model
        return [
            (first.model, Shard(self.what, items, mode, plans, first.system, first.shots))
            for first, plans in self._groups
            for items in self._shards(first.model)
        ]

    def read(self, values: Sequence[Any]) -> list[ArmValues]:
        """The values of each arm."""
        left = list(values)
        results: dict[int, ArmValues] = {}
        for places in self._places.values():
            count = len(self._shards(self.arms[places[0]].model))
            shards = [[ArmValues.from_json(value) for value in of_shard] for of_shard in left[:count]]
            del left[:count]
            joined = [ArmValues.joined([shard[at] for shard in shards]) for at in range(len(places))]
            results |= {place: replace(values, items=self.data) for place, values in zip(places, joined, strict=True)}
        return [results[place] for place in range(len(self.arms))]

    @property
    def _places(self) -> dict[Any, list[int]]:
        """Places of the arms that share what stands before a question, by what that is."""
        groups: dict[Any, list[int]] = defaultdict(list)
        for place, arm in enumerate(self.arms):
            groups[id(arm.model), arm.system, arm.shots].append(place)
        return groups

    @property
    def _groups(self) -> list[tuple[Arm, tuple[Plan, ...]]]:
        return [(self.arms[of[0]], tuple(self.arms[at].plan for at in of)) for of in self._places.values()]

    def _shards(self, model: Model) -> list[DataSet]:
        items, size = self.data.items, SHARD if model.remote is None else model.remote.shard
        return [self.data.take(items[at : at + size]) for at in range(0, len(items), size)]


@dataclass(frozen=True)
class CostOfPlans(Request):
    """For each plan, mean KL per token from the same model without it, and perplexity, on neutral text.

    ``kl`` is KL(steered || unsteered), ``kl_reverse`` the other direction. Intervals are over texts.
    """

    what: str
    model: Model
    plans: Sequence[Plan]

    def steps(self, model: Model, mode: ScoreMode) -> list[tuple[Model, Step]]:
        """One."""
        del model, mode
        return [(self.model, CostStep(self.what, tuple(self.plans)))]

    def read(self, values: Sequence[Any]) -> list[PlanCost]:
        """One entry a plan."""
        return list(values[0])


@dataclass(frozen=True)
class Measure:
    """How arms are measured in one study.

    Attributes
    ----------
    mode:
        How items are scored.
    ledger:
        Where finished steps are kept.
    progress:
        Told how far it is.
    """

    mode: ScoreMode
    ledger: Ledger
    progress: Progress = SILENT

    def arms(self, what: str, data: DataSet, arms: Sequence[Arm]) -> list[ArmValues]:
        """Every item of ``data`` under every arm: see :class:`ScoreArms`."""
        if not arms:
            return []
        (values,) = self.together(arms[0].model, [ScoreArms(what, data, arms)])
        return list(values)

    def costs(self, what: str, model: Model, plans: Sequence[Plan]) -> list[PlanCost]:
        """Cost of each plan on neutral text: see :class:`CostOfPlans`."""
        (costs,) = self.together(model, [CostOfPlans(what, model, plans)])
        return list(costs)

    def together(self, model: Model, requests: Sequence[Request]) -> list[Any]:
        """What several requests ask for; workers, where there are some, share all of their steps on one model."""
        steps = [one.steps(model, self.mode) for one in requests]
        if self.ledger.crew is not None and len(requests) > 1:
            more = f"{requests[0].what}, and {len(requests) - 1} more"
            self._do(more, [step for of_one in steps for step in of_one])
        return [one.read(self._do(one.what, of_one)) for one, of_one in zip(requests, steps, strict=True)]

    def _do(self, what: str, steps: Sequence[tuple[Model, Step]]) -> list[Any]:
        """The values of steps in their order, those on one model together."""
        models = {id(model): model for model, _ in steps}
        values: dict[int, Any] = {}
        for same, model in models.items():
            mine = {place: step for place, (on, step) in enumerate(steps) if id(on) == same}
            values |= self.ledger.each(mine, model, what=what, progress=self.progress)
        return [values[place] for place in range(len(steps))]
