"""Make and measure the points of a frontier, each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from steerstack.catalog.lookup import find
from steerstack.data.splits import Splits
from steerstack.engine.distance import distances
from steerstack.errors import StudyError
from steerstack.measure.arm import Arm
from steerstack.measure.competence import check_competence
from steerstack.measure.neutral_text import neutral_answers
from steerstack.measure.residual_norms import residual_norms
from steerstack.measure.scoring import score_data
from steerstack.run.ledger import Ledger
from steerstack.stats.comparisons import Resolvable, minimal_effect
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.study.fit_step import values_of
from steerstack.study.forecast import PILOT, Forecast, timed
from steerstack.study.frontier.point import Point
from steerstack.study.frontier.result import FrontierResult
from steerstack.study.session import Session
from steerstack.techniques.apply import apply_all, edit_of
from steerstack.techniques.compute import of_candidates
from steerstack.techniques.fine_tunes import UNCHANGED
from steerstack.techniques.null_techniques import is_reference
from steerstack.techniques.own_answers import answered_again, own_answers_once
from steerstack.techniques.search import choose
from steerstack.techniques.selection import CRITERION, Candidate, candidate_layers
from steerstack.techniques.strength_at_kl import held_at, strength_at
from steerstack.techniques.technique import Steering, Technique, Treatment, check_techniques
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.study.frontier.study import Frontier

TEXTS = 6
"""Neutral texts on which layers are compared; the strengths of points are held on all of them."""


def run_frontier(study: Frontier, session: Session) -> FrontierResult:
    """Run the study, or go on with one that was stopped.

    Baselines come first, so that vectors can be brought to their KL. A KL out of a vector's reach
    is left out, and that is said.

    Raises
    ------
    StudyError
        It was to be spread over workers.
    """
    if session.ledger.crew is not None:
        raise StudyError(
            "A frontier runs in this process only: each of its strengths is sought from those before.",
            seen="an engine with workers",
            fix="Leave --engine and --workers out.",
        )
    model, splits, progress = session.model, session.splits, session.progress
    techniques = study.treated(session.data.behavior)
    check_techniques(model, techniques, [session.data])
    making = Making(study, model, splits, session.ledger)
    competence = check_competence(model, splits.validation, study.score)
    bare = making.point("the bare model", None, None, ["bare"], lambda: Treatment(Arm(model)))
    rivals: list[Point] = []
    points: list[Point] = []
    left_out: list[str] = []
    ordered = sorted(techniques, key=lambda technique: isinstance(technique, Steering))
    progress.expect("techniques", len(ordered))
    for technique in ordered:
        progress.phase(technique.name)
        if not isinstance(technique, Steering):
            point = making.baseline(technique)
            points.append(point)
            rivals += [] if point.record.get(UNCHANGED) else [point]  # which is the bare model, at no KL to be held at
            progress.advance("techniques")
            continue
        for budget, matched in [(b, None) for b in study.budgets] + [(float(np.mean(p.kl)), p) for p in rivals]:
            try:
                points.append(making.vector(technique, budget, matched.technique if matched else None))
            except StudyError as error:
                left_out.append(f"{technique.name} at {budget:.3g} nats: {error.happened} {error.seen}")
        progress.advance("techniques")
    result = FrontierResult(study, model, splits, techniques, bare, points, competence, left_out)
    return replace(result, samples=session.samples({"unsteered": Plan(), **result.heard}))


def forecast_frontier(study: Frontier, session: Session) -> Forecast:
    """What a frontier will take, from one point of each technique on a few validation items and texts."""
    model, splits = session.model, session.splits
    techniques = study.treated(session.data.behavior)
    few = replace(splits, test=splits.validation.limit(min(PILOT, len(splits.validation))))
    by_part: dict[str, float] = {}
    baselines = sum(not isinstance(technique, Steering) for technique in techniques)
    n = len(study.budgets) + baselines
    spreads: list[Resolvable] = []
    with TemporaryDirectory() as folder:
        making = Making(study, model, few, Ledger(Path(folder)))
        bare = making.point("the bare model", None, None, ["bare"], lambda: Treatment(Arm(model)))
        unit = timed(lambda: values_of(Arm(model), few.test, study.score))[0] / len(few.test)
        more = unit * (len(splits.test) - len(few.test))
        for technique in techniques:
            if isinstance(technique, Steering):
                setup = timed(partial(making.found, technique))[0]
                seconds, point = timed(partial(making.vector, technique, sorted(study.budgets)[0], None))
                by_part[technique.name] = setup + n * (seconds + more)
            else:
                seconds, point = timed(partial(making.baseline, technique))
                by_part[technique.name] = seconds + more
            smallest = minimal_effect(point.values - bare.values, len(splits.test), comparisons=len(techniques))
            spreads += [smallest] if smallest is not None else []
    evaluations = len(splits.test) * (1 + baselines + (len(techniques) - baselines) * n)
    return Forecast(len(techniques), evaluations, sum(by_part.values()), Resolvable.median(spreads), by_part)


@dataclass(frozen=True)
class Making:
    """Makes and measures points, each once."""

    study: Frontier
    model: Model
    splits: Splits
    ledger: Ledger
    _found: dict[str, tuple[SteeringVector, tuple[int, ...]]] = field(default_factory=dict)

    def baseline(self, technique: Technique) -> Point:
        """A prompt or a fine-tune, which has one cost."""

        def make() -> Treatment:
            splits, study = self.splits, self.study
            return technique.fit(self.model, splits.train, splits.validation, study.score, study.seed)

        return self.point(technique.name, None, None, technique.describe(), make, technique.code)

    def vector(self, technique: Steering, budget: float, matched: str | None) -> Point:
        """A vector at one cost."""

        def make() -> Treatment:
            vector, layers = self.found(technique)
            plan, strength = self._held(technique, vector, layers, budget, exactly=True)
            part = None if is_reference(technique.name) else vector.keeping(layers)
            count = len(self._among(technique, vector))
            record = {"layers": list(layers), "scale": strength, "choices_tried": count, "criterion": CRITERION}
            scored = count if count > 1 else 0  # a single candidate is not scored
            flops = of_candidates(self.model, self.splits.train, self.splits.validation, self.study.score, scored)
            return Treatment(Arm(self.model, plan, label=technique.name), flops=flops, record=record, vector=part)

        return self.point(technique.name, budget, matched, technique.describe(), make, technique.code)

    def _held(
        self, technique: Steering, vector: SteeringVector, layers: tuple[int, ...], budget: float,
        *, exactly: bool = False,
    ) -> tuple[Plan, float]:  # fmt: skip
        """The plan that costs the budget, and its strength; raises StudyError where there is none.

        Parameters
        ----------
        exactly:
            On all the texts, within five percent; else on the first few.
        """
        if edit_of(vector).scales is not None:
            raise StudyError(f"{vector.edit} has strengths of its own and cannot be held at a KL.")
        tokens, texts = Tokens.parse(technique.tokens), neutral_answers(self.model.format)
        norms = residual_norms(self.model)
        if exactly:
            start = 0.1 * norms[layers[0]] / vector.norms[layers[0]]
            plan_at = partial(apply_all, vector, layers, tokens=tokens)
            strength = held_at(budget, self.model, plan_at, texts, start=start)
        else:
            strength = strength_at(budget, self.model, vector, layers, norms, tokens=tokens, texts=texts[:TEXTS])
        return apply_all(vector, layers, strength, tokens=tokens), strength

    def found(self, technique: Steering) -> tuple[SteeringVector, tuple[int, ...]]:
        """The vector, and the layer that works best on validation at the middle budget."""
        if technique.name not in self._found:
            vector = technique.find(self.model, self.splits.train)
            layers = self._layer(technique, vector)
            self._found[technique.name] = vector, layers
        return self._found[technique.name]

    def _among(self, technique: Steering, vector: SteeringVector) -> list[tuple[int, ...]]:
        """The candidate layers of a vector; those of a method that acts at all of them go together."""
        if technique.method.at_once:
            return [vector.layers]
        layers = technique.layers or candidate_layers(self.model.n_layers)
        return [(at,) for at in layers if at in vector.directions] or [(at,) for at in vector.layers]

    def _layer(self, technique: Steering, vector: SteeringVector) -> tuple[int, ...]:
        among = self._among(technique, vector)
        if len(among) == 1:
            return among[0]
        budget = sorted(self.study.budgets)[len(self.study.budgets) // 2]
        plan_of: dict[Candidate, Plan] = {}
        for layers in among:
            with suppress(StudyError):  # the budget is out of reach there
                plan, strength = self._held(technique, vector, layers, budget)
                plan_of[Candidate(layers, strength, 0.0)] = plan
        if not plan_of:
            return among[len(among) // 2]

        def score(candidates: Sequence[Candidate]) -> list[float]:
            plans = [plan_of[candidate] for candidate in candidates]
            arms = score_data(self.model, self.splits.validation, self.study.score, plans)
            return [float(arm.effect_scale.mean()) for arm in arms]

        return choose(list(plan_of), score, lambda _: budget, kl=budget).candidate.layers

    def point(
        self,
        name: str,
        budget: float | None,
        matched: str | None,
        about: Any,
        make: Callable[[], Treatment],
        code: tuple[str, ...] = (),
    ) -> Point:
        """One condition measured on the test items, on neutral text and on knowledge questions."""
        study = self.study
        settings = [budget, study.score, study.seed, study.budgets, study.knowledge, study.own_answers]
        key = ["with its vector", self.model.fingerprint, about, *settings]

        def compute() -> dict[str, object]:
            treatment = make()
            arm = treatment.arm
            format = self.model.format
            texts = neutral_answers(format, system=arm.system, shots=arm.shots)
            (cost,) = distances(self.model, neutral_answers(format), [(arm.model, texts, arm.plan)])
            before, after = (
                answered_again(format, self.splits.test, self._own, study.score, system=system, shots=shots)
                for system, shots in ((None, ()), (arm.system, arm.shots))
            )
            (own,) = distances(self.model, before, [(arm.model, after, arm.plan)])
            return {
                "values": values_of(arm, self.splits.test, study.score).tolist(),
                "kl": cost.kl,
                "kl_reverse": cost.reverse,
                "kl_own": own.kl,
                "kl_own_reverse": own.reverse,
                "cross_entropy": cost.cross_entropy,
                "knowledge": self._knowledge(arm),
                "record": {**treatment.record, **treatment.cost},
                "vector": treatment.vector.to_json() if treatment.vector else None,
            }

        facts = self.ledger.once(name, [*key, self.splits.digests], compute, code=(__name__, *code))
        knowledge = tuple(facts["knowledge"]) if facts["knowledge"] else None
        return Point(
            name, budget, matched, np.array(facts["values"]), tuple(facts["kl"]), tuple(facts["cross_entropy"]),
            knowledge, facts["record"], SteeringVector.from_json(facts["vector"], name) if facts["vector"] else None,
            reverse=tuple(facts["kl_reverse"]), own=tuple(facts["kl_own"]), own_reverse=tuple(facts["kl_own_reverse"]),
        )  # fmt: skip

    @property
    def _own(self) -> list[str]:
        """The bare model's own answers to the first test questions, said once."""
        study = self.study
        return own_answers_once(self.ledger, self.model, self.splits.test, study.own_answers, study.score)

    def _knowledge(self, arm: Arm) -> list[float] | None:
        """Right or wrong on each knowledge question; None with demonstrations, which it cannot be asked with."""
        if not self.study.knowledge or arm.shots:
            return None
        parameters = {"limit": self.study.knowledge, "score": "text", "system": arm.system}
        (measurement,) = find("metric", "mmlu").make(parameters).measure(arm.model, [arm.plan])
        return [float(value) for value in measurement.values["accuracy"]]
