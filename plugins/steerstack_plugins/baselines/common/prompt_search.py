"""What stands before the question, chosen by the log-odds that it reaches on validation items."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steerstack.contracts import Tuned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steerstack.data.items import DataSet
    from steerstack.data.questions import ScoreMode
    from steerstack.trace.model import Model


@dataclass(frozen=True)
class Preface:
    """A system prompt, demonstrations, or both, and how the record describes them."""

    about: Mapping[str, Any]
    system: str | None = None
    shots: tuple[tuple[str, str], ...] = ()


def choose_preface(
    model: Model, validation: DataSet, mode: ScoreMode, candidates: Sequence[Preface], record: Mapping[str, Any],
    *, known: Sequence[float] | None = None, seconds: float = 0.0, flops: float = 0.0,
) -> Tuned:  # fmt: skip
    """The candidate with the greatest mean log-odds on the validation items (nats; per token for ``text``).

    Parameters
    ----------
    model, validation, mode:
        What is asked of the validation items, and how.
    candidates:
        At least one.
    record:
        What else is to be recorded.
    known:
        The log-odds of each candidate, where they were found before.
    seconds, flops:
        What it took to make the candidates.
    """
    from steerstack.data.questions import ask
    from steerstack.measure import flops as costs
    from steerstack.measure.scoring import score_data
    from steerstack.steering.intervention import Plan
    from steerstack.techniques.selection import CRITERION

    began = time.monotonic()

    def asked(preface: Preface) -> list[Any]:
        return ask(model.format, validation, mode, system=preface.system, shots=preface.shots)

    def log_odds(preface: Preface) -> float:
        (arm,) = score_data(model, validation, mode, [Plan()], system=preface.system, shots=preface.shots)
        return float(arm.effect_scale.mean())

    bare = Preface({})
    values = [log_odds(preface) for preface in candidates] if known is None else list(known)
    best = max(range(len(values)), key=values.__getitem__)
    questions = [asked(preface) for preface in (bare, *candidates)]
    starts = [sum(question.exhibits.answer_start for question in of) / len(of) for of in questions]
    return Tuned(
        model,
        parameters=0,
        seconds=seconds + time.monotonic() - began,
        record={
            **record,
            "mode": mode,
            "tried": [{**one.about, "log_odds": value} for one, value in zip(candidates, values, strict=True)],
            "log_odds_without": log_odds(bare),
            "chosen": best,
            "choices_tried": len(candidates),
            "criterion": CRITERION,
            "n_validation": len(validation),
        },
        system=candidates[best].system,
        shots=candidates[best].shots,
        flops=flops + costs.forward(model, sum(costs.asked_tokens(of) for of in questions)),
        context_tokens=round(starts[1 + best] - starts[0]),
    )
