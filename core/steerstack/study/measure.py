"""Score arms through the ledger: each arm's items are computed once, and kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steerstack.asking import ScoreMode, Shots, times_asked
from steerstack.data import DataSet
from steerstack.engine.divergence import divergence
from steerstack.intervention import Plan
from steerstack.study import stats
from steerstack.study.ledger import Ledger
from steerstack.study.neutral import neutral_texts, paragraphs
from steerstack.study.scoring import ArmScores, score_data
from steerstack.study.step import Step
from steerstack.trace.model import Model

SHARD = 64
"""Items that are scored between two entries in the ledger: what a kill can cost. A server has a number of its own."""

Advance = Callable[[str, int], None]
"""Told what is being done, and how many more evaluations (questions x arms) of it are done."""

Announce = Callable[[str, int, int], None]
"""Told what is going to be done, how many evaluations that takes, and how many of them an earlier run did."""


@dataclass(frozen=True)
class ArmValues:
    """What is kept of an arm: one value an item.

    Attributes
    ----------
    log_odds:
        On the scale on which arms are compared (per token for ``text``), in nats.
    probability:
        Of the exhibiting answer among the two.
    edited:
        Number of positions edited.
    """

    log_odds: NDArray[np.float64]
    probability: NDArray[np.float64]
    edited: int

    @classmethod
    def of(cls, scores: ArmScores) -> "ArmValues":
        """What is kept of scores."""
        return cls(scores.effect_scale, scores.probability, scores.edited_positions)

    def to_json(self) -> dict[str, Any]:
        """For the ledger."""
        return {"log_odds": self.log_odds.tolist(), "probability": self.probability.tolist(), "edited": self.edited}

    @classmethod
    def joined(cls, parts: Sequence["ArmValues"]) -> "ArmValues":
        """The parts of one arm, one after the other."""
        log_odds = np.concatenate([part.log_odds for part in parts])
        probability = np.concatenate([part.probability for part in parts])
        return cls(log_odds, probability, sum(part.edited for part in parts))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ArmValues":
        """From the ledger."""
        return cls(np.array(value["log_odds"]), np.array(value["probability"]), value["edited"])


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
        found = score_data(
            model, self.items, self.mode, self.plans, system=self.system, shots=self.shots, progress=progress
        )
        return [ArmValues.of(scores).to_json() for scores in found]


@dataclass(frozen=True)
class Cost(Step):
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
                "kl_estimate": stats.mean(cost.kl).to_json(),
                "perplexity": float(np.exp(np.mean(cost.cross_entropy))),
            }
            for cost in divergence(model, neutral_texts(model.format), self.plans, progress=progress)
        ]


@dataclass(frozen=True)
class Arms:
    """Every item of ``data`` under every plan, to be asked for by :meth:`Measure.together`."""

    what: str
    data: DataSet
    plans: Sequence[Plan]
    system: str | None = None
    shots: Shots = ()

    def steps(self, model: Model, mode: ScoreMode) -> list[Step]:
        """One for each :data:`SHARD` items."""
        items, size = self.data.items, SHARD if model.remote is None else model.remote.shard
        parts = [self.data.take(items[at : at + size]) for at in range(0, len(items), size)]
        return [Shard(self.what, part, mode, tuple(self.plans), self.system, self.shots) for part in parts]

    def read(self, values: Sequence[Any]) -> list[ArmValues]:
        """The values of each arm, from those of the steps."""
        shards = [[ArmValues.from_json(value) for value in of_shard] for of_shard in values]
        return [ArmValues.joined([shard[arm] for shard in shards]) for arm in range(len(self.plans))]


@dataclass(frozen=True)
class Costs:
    """For each plan, mean KL per token from the unsteered model and perplexity, on neutral text.

    The interval of ``kl_estimate`` is over texts.
    """

    what: str
    plans: Sequence[Plan]

    def steps(self, model: Model, mode: ScoreMode) -> list[Step]:
        """One."""
        del model, mode
        return [Cost(self.what, tuple(self.plans))]

    def read(self, values: Sequence[Any]) -> list[dict[str, Any]]:
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
    advance, announce:
        Progress.
    """

    mode: ScoreMode
    ledger: Ledger
    advance: Advance = lambda _what, _done: None
    announce: Announce = lambda _what, _total, _done: None

    def arms(
        self,
        what: str,
        model: Model,
        data: DataSet,
        plans: Sequence[Plan],
        *,
        system: str | None = None,
        shots: Shots = (),
    ) -> list[ArmValues]:
        """Every item of ``data`` under every plan; a step of the ledger for each :data:`SHARD` items."""
        (found,) = self.together(model, [Arms(what, data, plans, system, shots)])
        return list(found)

    def costs(self, what: str, model: Model, plans: Sequence[Plan]) -> list[dict[str, Any]]:
        """Cost of each plan on neutral text: see :class:`Costs`."""
        (found,) = self.together(model, [Costs(what, plans)])
        return list(found)

    def together(self, model: Model, asked: Sequence[Arms | Costs]) -> list[Any]:
        """What several requests on one model ask for; workers, where there are some, share all of their steps."""
        steps = [one.steps(model, self.mode) for one in asked]
        if self.ledger.crew is not None and len(asked) > 1:
            more = f"{asked[0].what}, and {len(asked) - 1} more"
            self._do(more, model, [step for of_one in steps for step in of_one])
        return [one.read(self._do(one.what, model, of_one)) for one, of_one in zip(asked, steps, strict=True)]

    def _do(self, what: str, model: Model, steps: Sequence[Step]) -> list[Any]:
        total = sum(step.size for step in steps)
        return self.ledger.steps(
            steps,
            model,
            earlier=lambda done: self.announce(what, total, done),
            progress=lambda more: self.advance(what, more),
        )
