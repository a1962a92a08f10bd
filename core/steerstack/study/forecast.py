"""Before a run: how many arms and forward passes, how long, and what the items can resolve.

Times come from a pilot on training and validation items of the study itself; the locked test
items are counted, never read.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from steerstack.data.items import DataSet
from steerstack.data.questions import ScoreMode, Shots, times_asked
from steerstack.data.splits import Splits
from steerstack.errors import DegenerateDirectionError, ExtractionError
from steerstack.measure.arm import Arm
from steerstack.measure.residual_norms import residual_norms
from steerstack.measure.scoring import score_data
from steerstack.run.arms import Request, ScoreArms
from steerstack.stats.comparisons import Resolvable, minimal_effect
from steerstack.steering.intervention import Plan
from steerstack.study.fit_step import values_of
from steerstack.study.session import Session
from steerstack.techniques.labels.subsets import Subset, subset
from steerstack.techniques.technique import Technique, Treatment
from steerstack.trace.model import Model

PILOT = 12
"""Items that are scored to learn how long one takes."""

ARMS = 8
"""Steered arms of a pilot."""


@dataclass(frozen=True)
class Forecast:
    """What a run will take.

    Attributes
    ----------
    fits, evaluations:
        Techniques fitted, and items scored over all conditions.
    seconds:
        Expected time.
    minimal_effect:
        The smallest mean effect that the test items resolve with 80 % power (nats), with what the pilot leaves open;
        None if not known.
    by_part:
        Expected seconds of each part.
    """

    fits: int
    evaluations: int
    seconds: float
    minimal_effect: Resolvable | None
    by_part: dict[str, float]

    def to_json(self) -> dict[str, object]:
        """As ``--plan-only --json`` writes it."""
        smallest = self.minimal_effect
        return {
            **vars(self),
            "minimal_effect": smallest and smallest.value,
            "minimal_effect_range": smallest and [smallest.low, smallest.high],
        }

    def text(self) -> str:
        """In words."""
        resolves = (
            ""
            if self.minimal_effect is None
            else (
                f" The test items resolve a mean effect of {self.minimal_effect.value:.3f} nats with 80 % power; from "
                f"so small a pilot it may be {self.minimal_effect.low:.3f} to {self.minimal_effect.high:.3f}."
            )
        )
        parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.by_part.items())
        total = f"about {self.seconds / 60:.1f} minutes"
        return f"{self.fits} fits, {self.evaluations} items scored, {total} ({parts}).{resolves}"


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that some work took, and what it gave."""
    began = time.perf_counter()
    value = work()
    return time.perf_counter() - began, value


def item_seconds(model: Model, data: DataSet, mode: ScoreMode, shots: Shots = ()) -> float:
    """Seconds to score one item under one condition, from a pilot of :data:`PILOT` items."""
    pilot = data.limit(min(PILOT, len(data)))
    score_data(model, pilot.limit(2), mode, [Plan()], shots=shots)  # pays for what the others find ready
    return timed(lambda: score_data(model, pilot, mode, [Plan()], shots=shots))[0] / len(pilot)


@dataclass(frozen=True)
class Unit:
    """Seconds an item takes bare, and for each further steered arm."""

    bare: float
    arm: float

    def of(self, items: int, arms: int) -> float:
        """Seconds of items under the bare model and some arms."""
        return items * (self.bare + self.arm * arms)


def unit(model: Model, data: DataSet, mode: ScoreMode, plan: Plan, shots: Shots = ()) -> Unit:
    """Seconds per item, from a pilot of :data:`PILOT` items under :data:`ARMS` times a typical plan."""
    pilot = data.limit(min(PILOT, len(data)))
    bare = item_seconds(model, data, mode, shots)
    many = timed(lambda: score_data(model, pilot, mode, [Plan(), *[plan] * ARMS], shots=shots))[0] / len(pilot)
    return Unit(bare, max(0.0, many - bare) / ARMS)


def resolved(model: Model, data: DataSet, mode: ScoreMode, plan: Plan, n: int) -> Resolvable | None:
    """The smallest effect that n items resolve, by the spread of a typical plan's effect on the pilot."""
    pilot = data.limit(min(PILOT, len(data)))
    return minimal_effect(values_of(Arm(model, plan), pilot, mode) - values_of(Arm(model), pilot, mode), n)


def fit_seconds(
    technique: Technique, model: Model, parts: Sequence[Subset], mode: ScoreMode
) -> tuple[Callable[[int], float], Treatment | None]:
    """Seconds to fit a technique as a function of n, affine through two pilots, and the larger pilot's treatment."""
    pilots: list[tuple[int, float]] = []
    treatment: Treatment | None = None
    for part in parts:
        try:
            seconds, treatment = timed(partial(technique.fit, model, part.train, part.validation, mode, 0))
        except (ExtractionError, DegenerateDirectionError):
            continue  # too few items for it: it costs nothing there
        pilots.append((part.n, seconds))
    if not pilots:
        return (lambda _n: 0.0), None
    (small, first), (large, second) = pilots[0], pilots[-1]
    if small == large:
        return (lambda n: first * n / small), treatment
    slope = max(0.0, (second - first) / (large - small))
    return (lambda n: max(0.0, first - slope * small) + slope * n), treatment


def forecast_arms(
    model: Model, data: DataSet, mode: ScoreMode, steps: Sequence[tuple[str, int, int]], plan: Plan, *, fits: int = 0
) -> Forecast:
    """Forecast of a study of many arms over the same items.

    Parameters
    ----------
    data:
        Items that may be read for the pilot.
    steps:
        Name, number of items and number of steered arms of each step.
    plan:
        A typical edit.
    """
    per = unit(model, data, mode, plan)
    by_part = {name: per.of(items, count) for name, items, count in steps}
    evaluations = sum(items * (1 + count) for _, items, count in steps)
    smallest = resolved(model, data, mode, plan, steps[-1][1])
    return Forecast(fits, evaluations, sum(by_part.values()), smallest, by_part)


def forecast_fits(
    model: Model,
    splits: Splits,
    techniques: Sequence[Technique],
    sizes: Sequence[int],
    repeats: int,
    mode: ScoreMode,
    *,
    test_sets: int = 1,
) -> Forecast:
    """Forecast of a study that fits every technique at every size, ``repeats`` times each.

    Parameters
    ----------
    sizes:
        Numbers of items that a fit learns from.
    repeats:
        Seeds times shares of flipped labels (or domains).
    test_sets:
        How many test sets of the split's size each fit is measured on.
    """
    residual_norms(model)  # which the first fit would pay for, and all others find ready
    one = item_seconds(model, splits.validation, mode)
    have = len(splits.train) + len(splits.validation)
    pilots = sorted({min(have, max(4, min(sizes))), min(have, 16)})
    parts = [subset(splits, n, seed=0) for n in pilots]
    by_part: dict[str, float] = {}
    spreads: list[Resolvable] = []
    base = values_of(Arm(model), splits.validation, mode)
    n_test = len(splits.test) * test_sets
    for technique in techniques:
        cost, treatment = fit_seconds(technique, model, parts, mode)
        by_part[technique.name] = repeats * sum(cost(n) for n in sizes)
        if treatment is not None:
            smallest = minimal_effect(values_of(treatment.arm, splits.validation, mode) - base, len(splits.test))
            spreads += [smallest] if smallest is not None else []
    fits = len(techniques) * len(sizes) * repeats
    by_part["measuring on the test items"] = (fits + 1) * n_test * one
    return Forecast(fits, (fits + 1) * n_test, sum(by_part.values()), Resolvable.median(spreads), by_part)


def forecast_requests(session: Session, requests: Mapping[str, Request]) -> Forecast:
    """Forecast of a study whose steps are known beforehand, from a pilot on training items."""
    model, mode = session.model, session.study.score
    one = item_seconds(model, session.splits.train, mode)
    by_part = {}
    for name, request in requests.items():
        units = sum(step.size for _, step in request.steps(model, mode))
        by_part[name] = units * one / times_asked(session.splits.train.items[0], mode)
    scored = sum(len(one.data) * len(one.arms) for one in requests.values() if isinstance(one, ScoreArms))
    return Forecast(0, scored, sum(by_part.values()), None, by_part)
