"""Run a stacking study: does the vector still help on top of a prompt and of a fine-tune?

Extract on train; choose layer, strength and prompts on validation; then read the locked
test split once, for every arm on the same items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from steerstack.catalog.data import load_data
from steerstack.catalog.lookup import find
from steerstack.contracts import Baseline, Extractor
from steerstack.data.splits import split
from steerstack.errors import StudyError
from steerstack.measure.arm import BARE, Arm
from steerstack.measure.competence import check_competence
from steerstack.measure.residual_norms import residual_norms
from steerstack.run.arms import ArmValues, CostOfPlans, PlanCost, ScoreArms
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.study.method_ref import vector_at
from steerstack.study.session import Session
from steerstack.study.stack.choice import choose_prompts, choose_strengths
from steerstack.study.stack.companions import measure_companions
from steerstack.study.stack.distance import Distance, measure_distances
from steerstack.study.stack.grid import PROMPTS, Cell, Level, Origin, PromptLevel
from steerstack.study.stack.nulls import measure_nulls
from steerstack.study.stack.replicates import measure_replicates
from steerstack.study.stack.result import StackResult
from steerstack.techniques.apply import apply
from steerstack.techniques.extract import extract
from steerstack.techniques.fine_tunes import (
    UNCHANGED,
    check_trains,
    check_weights,
    tune_together,
    tuned_model,
    weights_of,
)
from steerstack.techniques.selection import Candidates
from steerstack.techniques.technique import asked_by
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.study.stack.study import Companion, Stack

LEVELS: dict[Level, int] = {"negative": -1, "positive": 1}


@dataclass
class _Grid:
    """Measures arms of the test items, and gathers them with what they cost."""

    session: Session
    scale: float
    layer: int
    tokens: Tokens
    prompts: dict[PromptLevel, dict[str, Any]]
    values: dict[Cell, ArmValues] = field(default_factory=dict)
    costs: dict[Cell, PlanCost] = field(default_factory=dict)
    distances: list[Distance] = field(default_factory=list)

    def plan(self, vector: SteeringVector, level: Level) -> Plan:
        """The vector at the chosen layer and strength."""
        return apply(vector, self.layer, LEVELS[level] * self.scale, tokens=self.tokens)

    def measure(self, model: Model, finetune: str, vectors: Mapping[Origin, SteeringVector]) -> None:
        """Every prompt with every vector, on one model."""
        session = self.session
        steered = [(origin, level) for origin in vectors for level in LEVELS]
        plans = [Plan(), *(self.plan(vectors[origin], level) for origin, level in steered)]
        levels = [level for level in PROMPTS if level in self.prompts]
        session.progress.phase(f"test arms: fine-tune {finetune}")
        requests = [
            ScoreArms(f"test arms: fine-tune {finetune}, prompt {level}", session.splits.test,
                      [Arm(model, plan, finetune=finetune, **self.prompts[level]) for plan in plans])
            for level in levels
        ]  # fmt: skip
        cost = CostOfPlans(f"cost: {finetune}", model, plans[1:])
        *arms, cost_of = session.measure.together(model, [*requests, cost])
        for level, row in zip(levels, arms, strict=True):
            for origin in vectors:
                self.values[Cell(level, "none", finetune, origin)] = row[0]
            for (origin, side), values in zip(steered, row[1:], strict=True):
                self.values[Cell(level, side, finetune, origin)] = values
        for (origin, side), one in zip(steered, cost_of, strict=True):
            self.costs[Cell("none", side, finetune, origin)] = one
        alone = {Cell(level, "none", finetune): Arm(model, finetune=finetune, **self.prompts[level])
                 for level in levels if level == "none" or finetune == BARE}  # fmt: skip
        alone |= {Cell("none", side, finetune, origin): Arm(model, plan, finetune=finetune)
                  for (origin, side), plan in zip(steered, plans[1:], strict=True)}  # fmt: skip
        alone.pop(Cell("none", "none"), None)  # the bare model itself
        self.distances += measure_distances(session, alone)


def run_stack(study: Stack, session: Session) -> StackResult:
    """Run a stacking study, or go on with one that was stopped.

    Raises
    ------
    StudyError
        The method acts at all layers at once, or a fine-tune trains no weights.
    """
    model, splits, progress, folder = session.model, session.splits, session.progress, session.folder
    method: Extractor = study.method.make("extractor")
    baselines: list[Baseline] = [one.make("baseline") for one in study.finetunes]
    check_method(method)
    check_trains(baselines)
    check_weights(model, baselines)
    tokens = Tokens.parse(study.tokens)
    progress.phase("competence check")
    competence = check_competence(model, splits.validation, study.score)
    progress.phase("extraction")
    vector = session.extract(method, position=study.position)
    vector.save(folder / "vector.safetensors")
    progress.phase("choice on validation")
    candidates = Candidates(study.layers, study.shares, study.matched_kl, tokens)
    choice = choose_strengths(session, {"vector": vector}, method, candidates)["vector"]
    prompts, prompts_record = choose_prompts(session, len(choice.tried))
    record: dict[str, Any] = {}
    conditions: dict[PromptLevel, dict[str, Any]] = {"none": {}}
    conditions |= {side: {"system": text} for side, text in prompts.items()}  # type: ignore[misc]
    demonstrations: Baseline | None = study.few_shot.make("baseline") if study.few_shot else None
    if demonstrations is not None:
        progress.phase("choice of demonstrations")
        shown = asked_by(demonstrations, study.score, len(choice.tried)).tune(
            model, splits.train, splits.validation, seed=study.seed
        )
        record[demonstrations.name] = {"context_tokens": shown.context_tokens, "flops": shown.flops, **shown.record}
        conditions["few-shot"] = {"shots": shown.shots, "system": shown.system}
    grid = _Grid(session, choice.scale, choice.layer, tokens, conditions)
    grid.measure(model, "none", {"transferred": vector})
    progress.phase("nulls")
    nulls = measure_nulls(study, session, vector, method, candidates, choice)
    steered = {f"vector {side}": grid.plan(vector, side) for side in reversed(LEVELS)}
    replicates = measure_replicates(study, session, method, candidates) if study.replicates > 1 else []
    samples = session.samples({"unsteered": Plan(), **steered})
    if study.together:
        progress.phase("vectors together")
    others = {other.name: _other(study, session, other) for other in study.together}
    companions = measure_companions(session, grid.plan(vector, "positive"), others, candidates)
    baselines = [asked_by(one, study.score, len(choice.tried)) for one in baselines]
    refitted = _fine_tunes(study, session, grid, vector, method, baselines, record)
    methods = (method, *baselines, *([demonstrations] if demonstrations else []))
    return StackResult(
        study, model, splits, choice, prompts, prompts_record, competence, grid.values, nulls, vector, refitted,
        grid.costs, residual_norms(model), record, companions, {one.name: one.paper for one in methods}, samples,
        replicates, grid.distances,
    )  # fmt: skip


def _fine_tunes(
    study: Stack, session: Session, grid: _Grid, vector: SteeringVector, method: Extractor,
    baselines: Sequence[Baseline], record: dict[str, Any],
) -> dict[str, SteeringVector]:  # fmt: skip
    """Measure the vector on every fine-tune, taken over and found again; gives those that were found again."""
    model, splits, folder, crew = session.model, session.splits, session.folder, session.ledger.crew
    tune_together(crew, baselines, model, splits, folder, study.seed)
    refitted: dict[str, SteeringVector] = {}
    for baseline in baselines:
        session.progress.phase(f"fine-tune {baseline.label}")
        tuned = tuned_model(baseline, model, splits, folder, study.seed)
        record[baseline.label] = {
            "parameters": tuned.parameters, "seconds": tuned.seconds, "flops": tuned.flops, **tuned.record,
        }  # fmt: skip
        if tuned.record.get(UNCHANGED):  # its arms would be those of the base model under another name
            continue
        if crew is not None:
            crew.learn(tuned.model, weights_of(baseline, model, splits, folder, study.seed))
        again = extract(tuned.model, splits.train, method, position=study.position)
        refitted[baseline.label] = again
        again.save(folder / f"vector-{baseline.label}.safetensors")
        grid.measure(tuned.model, baseline.label, {"transferred": vector, "refitted": again})
    return refitted


def check_method(method: Extractor) -> None:
    """Refuse a method that acts at all its layers at once: a stacking study chooses one."""
    if method.at_once:
        raise StudyError(
            f"{method.name} acts at all its layers at once; a stacking study chooses one.",
            fix="Use it in efficiency or generalize, or evaluate it with --layer all.",
        )


def _other(study: Stack, session: Session, other: Companion) -> SteeringVector:
    """Another vector; one that is found now comes from training items alone."""
    if other.vector is not None:
        vector = vector_at(other.vector)
        session.model.check_vector(vector)
    else:
        train = split(load_data(other.data), seed=study.seed).train if other.data else session.splits.train
        method = (other.method or study.method).make("extractor")
        vector = extract(session.model, train, method, position=study.position)
    return replace(vector, edit=find("edit", other.edit).name) if other.edit else vector
