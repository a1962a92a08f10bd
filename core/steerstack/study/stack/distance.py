"""How far each change takes the model from the bare one: vectors, prompts and fine-tunes on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from steerstack.data.questions import Shots
from steerstack.engine.distance import distances
from steerstack.engine.divergence import Cost
from steerstack.errors import SteerstackError
from steerstack.measure.arm import Arm
from steerstack.measure.neutral_text import neutral_answers
from steerstack.stats import estimates
from steerstack.stats.estimate import Estimate
from steerstack.steering.tokens import TokenSequence
from steerstack.study.session import Session
from steerstack.study.stack.grid import Cell
from steerstack.study.stack.words import arm_words
from steerstack.techniques.own_answers import answered_again, own_answers_once

TEXTS = 6
"""Neutral paragraphs, read as answers in a conversation."""

OWN = 4
"""Test questions whose answers by the bare model are read again."""


@dataclass(frozen=True)
class Distance:
    """KL of one arm from the bare model, per token in nats, both ways.

    Attributes
    ----------
    cell:
        The arm.
    neutral, own:
        On neutral text, and on the bare model's own answers to test questions, a value a text.
    """

    cell: Cell
    neutral: Cost
    own: Cost

    @property
    def kls(self) -> dict[str, Estimate | None]:
        """For each kind of text and direction the mean; None where nothing was read."""
        of_texts = {"kl": self.neutral.kl, "kl_reverse": self.neutral.reverse,
                    "kl_own": self.own.kl, "kl_own_reverse": self.own.reverse}  # fmt: skip
        return {kind: estimates.mean(kl) if kl else None for kind, kl in of_texts.items()}

    def to_json(self) -> dict[str, object]:
        """The arm, and its distances; null where nothing was read."""
        return {**self.cell.about, **{kind: of.to_json() if of else None for kind, of in self.kls.items()}}


def measure_distances(session: Session, arms: Mapping[Cell, Arm]) -> list[Distance]:
    """KL of each arm from the study's bare model.

    Nothing where the texts cannot be read under an arm, such as by a tokenizer that knows no English: that is said,
    and the study goes on.
    """
    if not arms:
        return []
    try:
        return _measured(session, arms)
    except SteerstackError as error:
        session.progress.note(f"How far the arms are from the bare model is not measured: {error.happened}")
        return []


def _measured(session: Session, arms: Mapping[Cell, Arm]) -> list[Distance]:
    model, test, mode = session.model, session.splits.test, session.study.score

    def texts(system: str | None = None, shots: Shots = ()) -> list[TokenSequence]:
        neutral = neutral_answers(model.format, TEXTS, system=system, shots=shots)
        return [*neutral, *answered_again(model.format, test, own, mode, system=system, shots=shots)]

    def compute() -> list[list[list[float]]]:
        conditions = [(arm.model, texts(arm.system, arm.shots), arm.plan) for arm in arms.values()]
        return [[list(cost.kl), list(cost.cross_entropy), list(cost.reverse)]
                for cost in distances(model, texts(), conditions)]  # fmt: skip

    own = own_answers_once(session.ledger, model, test, OWN, mode)
    key = [model.fingerprint, test.limit(OWN).digest, mode, own, [arm.key for arm in arms.values()]]
    costs = session.ledger.once("distances from the bare model", key, compute, code=(__name__,))
    return [Distance(cell, *_parted(values)) for cell, values in zip(arms, costs, strict=True)]


def _parted(values: Sequence[Sequence[float]]) -> tuple[Cost, Cost]:
    """The costs on neutral text, and those on own answers after them."""
    return Cost(*(tuple(one[:TEXTS]) for one in values)), Cost(*(tuple(one[TEXTS:]) for one in values))


def distance_sentence(found: Sequence[Distance]) -> str:
    """What the vector and its rivals each cost; empty where nothing was measured."""
    toward = [one for one in found if "negative" not in (one.cell.vector, one.cell.prompt)]
    if not toward:
        return ""
    amounts = [f"{arm_words(one.cell).removeprefix('base, ')} {np.mean(one.neutral.kl):.2g}" for one in toward]
    return f"KL from the bare model on neutral text, in nats per token: {', '.join(amounts)}."
