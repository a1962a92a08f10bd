"""Score arms through the ledger: each arm's items are computed once, and kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steerstack.asking import ScoreMode, Shots, times_asked
from steerstack.data import DataSet
from steerstack.engine.divergence import divergence
from steerstack.intervention import Plan
from steerstack.study import stats
from steerstack.study.ledger import Ledger
from steerstack.study.neutral import neutral_texts
from steerstack.study.scoring import ArmScores, score_data
from steerstack.trace.model import Model

SHARD = 64
"""Items that are scored between two entries in the ledger: what a kill can cost."""

REMOTE_SHARD = 512
"""The same, and in one request, for a model on a server."""

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
        items, size = data.items, SHARD if model.remote is None else REMOTE_SHARD
        shards = [data.take(items[at : at + size]) for at in range(0, len(items), size)]
        plan_keys = [plan.fingerprint for plan in plans]
        keys = [[model.fingerprint, shard.digest, self.mode, system, shots, plan_keys] for shard in shards]
        sizes = [len(plans) * sum(times_asked(item, self.mode) for item in shard) for shard in shards]
        done = sum(size for size, key in zip(sizes, keys, strict=True) if self.ledger.has(what, key))
        self.announce(what, sum(sizes), done)

        def advance(step: int) -> None:
            self.advance(what, step)

        def compute(shard: DataSet) -> Any:
            found = score_data(model, shard, self.mode, plans, system=system, shots=shots, progress=advance)
            return [ArmValues.of(scores).to_json() for scores in found]

        parts = [
            [ArmValues.from_json(value) for value in self.ledger.once(what, key, partial(compute, shard))]
            for shard, key in zip(shards, keys, strict=True)
        ]
        return [ArmValues.joined([part[arm] for part in parts]) for arm in range(len(plans))]

    def costs(self, what: str, model: Model, plans: Sequence[Plan]) -> list[dict[str, Any]]:
        """For each plan, mean KL per token from the unsteered model and perplexity, on neutral text.

        The interval of ``kl_estimate`` is over texts.
        """
        texts = neutral_texts(model.format)
        key = [model.fingerprint, [list(text.ids) for text in texts], [plan.fingerprint for plan in plans]]
        total = len(texts) * len(plans)
        self.announce(what, total, total if self.ledger.has(what, key) else 0)

        def compute() -> Any:
            return [
                {
                    "kl": float(np.mean(cost.kl)),
                    "kl_estimate": stats.mean(cost.kl).to_json(),
                    "perplexity": float(np.exp(np.mean(cost.cross_entropy))),
                }
                for cost in divergence(model, texts, plans, progress=lambda done: self.advance(what, done))
            ]

        return list(self.ledger.once(what, key, compute))
