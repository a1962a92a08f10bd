"""Make and measure the points of a frontier, each once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from steerstack import catalog, vector_file
from steerstack.applying import apply_all, edit_of
from steerstack.data import DataSet
from steerstack.engine.distance import distance
from steerstack.errors import StudyError
from steerstack.intervention import Plan
from steerstack.splits import Splits, split
from steerstack.study.competence import check_competence
from steerstack.study.fitted_step import values_of
from steerstack.study.forecast import PILOT, Forecast, timed
from steerstack.study.frontier import Frontier, FrontierResult, Point
from steerstack.study.ledger import Ledger
from steerstack.study.matched import strength_at
from steerstack.study.multiplicity import minimal_effect
from steerstack.study.neutral import neutral_answers
from steerstack.study.norms import residual_norms
from steerstack.study.scoring import score_data
from steerstack.study.select import candidate_layers
from steerstack.study.techniques import Condition, Steering, Technique, check_techniques
from steerstack.study.unrelated import is_null
from steerstack.tokens import Tokens
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector

TEXTS = 6
"""Neutral texts on which a strength is calibrated; costs are reported over all of them."""


def run_frontier(
    study: Frontier,
    model: Model,
    data: DataSet,
    techniques: Sequence[Technique],
    *,
    folder: Path,
    on_step: Callable[[str], None] = lambda _: None,
    advance: Callable[[str, int], None] = lambda _what, _done: None,
) -> FrontierResult:
    """Run the study, or go on with one that was stopped.

    Baselines come first, so that vectors can be brought to their KL. A KL out of a vector's reach
    is left out, and that is said.
    """
    check_techniques(model, techniques, [data])
    splits = split(data.limit(study.limit), seed=study.seed)
    making = Making(study, model, splits, Ledger(folder))
    competence = check_competence(model, splits.validation)
    bare = making.point("the bare model", None, None, ["bare"], lambda: Condition(model))
    baselines: list[Point] = []
    points: list[Point] = []
    left_out: list[str] = []
    ordered = sorted(techniques, key=lambda technique: isinstance(technique, Steering))
    for technique in ordered:
        on_step(technique.name)
        if not isinstance(technique, Steering):
            made = making.baseline(technique)
            baselines.append(made)
            points.append(made)
            advance("techniques", 1)
            continue
        for budget, matched in [(b, None) for b in study.budgets] + [(float(np.mean(p.kl)), p) for p in baselines]:
            try:
                points.append(making.vector(technique, budget, matched.technique if matched else None))
            except StudyError as error:
                left_out.append(f"{technique.name} at {budget:.3g} nats: {error.happened} {error.seen}")
        advance("techniques", 1)
    return FrontierResult(study, model, splits, techniques, bare, points, competence, left_out)


def forecast_frontier(study: Frontier, model: Model, data: DataSet, techniques: Sequence[Technique]) -> Forecast:
    """What a frontier will take, from one point of each technique on a few validation items and texts."""
    splits = split(data.limit(study.limit), seed=study.seed)
    few = replace(splits, test=splits.validation.limit(min(PILOT, len(splits.validation))))
    by_part: dict[str, float] = {}
    baselines = sum(not isinstance(technique, Steering) for technique in techniques)
    n = len(study.budgets) + baselines
    spreads: list[float] = []
    with TemporaryDirectory() as folder:
        making = Making(study, model, few, Ledger(Path(folder)))
        bare = making.point("the bare model", None, None, ["bare"], lambda: Condition(model))
        unit = timed(lambda: values_of(Condition(model), few.test, study.score))[0] / len(few.test)
        more = unit * (len(splits.test) - len(few.test))
        for technique in techniques:
            if isinstance(technique, Steering):
                found = timed(partial(making.found, technique))[0]
                seconds, point = timed(partial(making.vector, technique, sorted(study.budgets)[0], None))
                by_part[technique.name] = found + n * (seconds + more)
            else:
                seconds, point = timed(partial(making.baseline, technique))
                by_part[technique.name] = seconds + more
            smallest = minimal_effect(point.values - bare.values, len(splits.test), comparisons=len(techniques))
            spreads += [smallest] if smallest is not None else []
    evaluations = len(splits.test) * (1 + baselines + (len(techniques) - baselines) * n)
    median = float(np.median(spreads)) if spreads else None
    return Forecast(len(techniques), evaluations, sum(by_part.values()), median, by_part)


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

        def make() -> Condition:
            splits, study = self.splits, self.study
            return technique.fit(self.model, splits.train, splits.validation, study.score, study.seed)

        return self.point(technique.name, None, None, technique.describe(), make)

    def vector(self, technique: Steering, budget: float, matched: str | None) -> Point:
        """A vector at one cost."""

        def make() -> Condition:
            vector, layers = self.found(technique)
            plan, strength = self._held(technique, vector, layers, budget)
            kept = None if is_null(technique.name) else vector.keeping(layers)
            return Condition(self.model, plan, record={"layers": list(layers), "scale": strength}, vector=kept)

        return self.point(technique.name, budget, matched, technique.describe(), make)

    def _held(
        self, technique: Steering, vector: SteeringVector, layers: tuple[int, ...], budget: float
    ) -> tuple[Plan, float]:
        """The plan that costs the budget, and its strength; raises StudyError where there is none."""
        if edit_of(vector).scales is not None:
            raise StudyError(f"{vector.edit} has strengths of its own and cannot be held at a KL.")
        tokens, texts = Tokens.parse(technique.tokens), neutral_answers(self.model.format, TEXTS)
        norms = residual_norms(self.model)
        strength = strength_at(budget, self.model, vector, layers, norms, tokens=tokens, texts=texts)
        return apply_all(vector, layers, strength, tokens=tokens), strength

    def found(self, technique: Steering) -> tuple[SteeringVector, tuple[int, ...]]:
        """The vector, and the layer that works best on validation at the middle budget."""
        if technique.name not in self._found:
            vector = technique.find(self.model, self.splits.train)
            layers = self._layer(technique, vector)
            self._found[technique.name] = vector, layers
        return self._found[technique.name]

    def _layer(self, technique: Steering, vector: SteeringVector) -> tuple[int, ...]:
        if technique.method.at_once:
            return vector.layers
        wanted = technique.layers or candidate_layers(self.model.n_layers, 3)
        among = [(at,) for at in wanted if at in vector.directions] or [(at,) for at in vector.layers]
        budget = sorted(self.study.budgets)[len(self.study.budgets) // 2]
        reached, plans = [], []
        for layers in among:
            try:
                plans.append(self._held(technique, vector, layers, budget)[0])
            except StudyError:
                continue
            reached.append(layers)
        if not reached:
            return among[len(among) // 2]
        arms = score_data(self.model, self.splits.validation, self.study.score, plans)
        means = [float(arm.effect_scale.mean()) for arm in arms]
        return reached[int(np.argmax(means))]

    def point(
        self, name: str, budget: float | None, matched: str | None, about: Any, make: Callable[[], Condition]
    ) -> Point:
        """One condition measured on the test items, on neutral text and on knowledge questions."""
        study = self.study
        asked = [budget, study.score, study.seed, study.budgets, study.knowledge]
        key = ["with its vector", self.model.fingerprint, about, *asked]

        def compute() -> dict[str, Any]:
            condition = make()
            format = self.model.format
            texts = neutral_answers(format, system=condition.system, shots=condition.shots)
            cost = distance(self.model, neutral_answers(format), condition.model, texts, condition.plan)
            return {
                "values": values_of(condition, self.splits.test, study.score).tolist(),
                "kl": cost.kl,
                "cross_entropy": cost.cross_entropy,
                "knowledge": self._knowledge(condition),
                "record": {**condition.record, **condition.cost},
                "vector": vector_file.to_json(condition.vector) if condition.vector else None,
            }

        found = self.ledger.once(name, [*key, self.splits.digests], compute)
        knowledge = tuple(found["knowledge"]) if found["knowledge"] else None
        return Point(
            name, budget, matched, np.array(found["values"]), tuple(found["kl"]), tuple(found["cross_entropy"]),
            knowledge, found["record"], vector_file.from_json(found["vector"], name) if found["vector"] else None,
        )  # fmt: skip

    def _knowledge(self, condition: Condition) -> list[float] | None:
        """Right or wrong on each knowledge question; None with demonstrations, which it cannot be asked with."""
        if not self.study.knowledge or condition.shots:
            return None
        asked = {"limit": self.study.knowledge, "score": "text", "system": condition.system}
        (found,) = catalog.metric("mmlu").make(asked).measure(condition.model, [condition.plan])
        return [float(value) for value in found.values["accuracy"]]
