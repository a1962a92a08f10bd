"""The stacking study: does the vector still help on top of a prompt and of a fine-tune?

Extract on train; choose layer, strength and prompts on validation; then read the locked
test split once, for every arm on the same items.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from steerstack.applying import apply
from steerstack.contracts import Baseline, Extractor
from steerstack.data import DataSet
from steerstack.errors import StudyError
from steerstack.extraction import extract
from steerstack.intervention import Plan
from steerstack.splits import Splits, split
from steerstack.study.competence import check_competence
from steerstack.study.grid import PROMPTS, Cell, PromptLevel
from steerstack.study.ledger import Ledger
from steerstack.study.measure import Advance, Announce, Arms, ArmValues, Costs, Measure
from steerstack.study.norms import residual_norms
from steerstack.study.nulls import null_vectors
from steerstack.study.select import candidate_layers, choose_prompts, choose_strength
from steerstack.study.stacking import Stacking, StackResult
from steerstack.study.techniques import asked_by
from steerstack.study.together import measure_together
from steerstack.study.tuned import check_trains, check_weights, tune_together, tuned_model, weights_of
from steerstack.tokens import Tokens
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector
from steerstack.workers.crew import Crew


def run_stack(
    study: Stacking,
    model: Model,
    data: DataSet,
    method: Extractor,
    baselines: Sequence[Baseline],
    *,
    demonstrations: Baseline | None = None,
    together: Mapping[str, SteeringVector] | None = None,
    others: Sequence[DataSet] = (),
    splits: Splits | None = None,
    folder: Path,
    crew: Crew | None = None,
    advance: Advance = lambda _what, _done: None,
    announce: Announce = lambda _what, _total, _done: None,
    on_step: Callable[[str], None] = lambda _: None,
) -> StackResult:
    """Run a stacking study, or go on with one that was stopped.

    Parameters
    ----------
    study, model, data, method, baselines:
        What is declared; ``baselines`` train weights.
    demonstrations:
        What shows the behaviour before the question (few-shot); None to leave that level out.
    together:
        Other vectors by name, each tried with this one.
    others:
        Data sets of other behaviours, for nulls of unrelated vectors.
    splits:
        The parts of the data, where items belong together by more than their question; None draws them.
    folder:
        Where finished steps, vectors and adapters are kept; the same folder resumes.
    crew:
        Workers that measure and train; None to do it here.
    advance, announce, on_step:
        Progress.
    """
    check_trains(baselines)
    check_weights(model, baselines)
    if method.at_once:
        raise StudyError(
            f"{method.name} acts at all its layers at once; a stacking study chooses one.",
            fix="Use it in efficiency or generalize, or evaluate it with --layer all.",
        )
    splits = splits or split(data.limit(study.limit), seed=study.seed)
    measure = Measure(study.score, Ledger(folder, crew), advance, announce)
    tokens = Tokens.parse(study.tokens)
    on_step("competence check")
    competence = check_competence(model, splits.validation)
    on_step("extraction")
    announce("pairs", len(splits.train), 0)
    vector = extract(model, splits.train, method, position=study.position, progress=lambda n: advance("pairs", n))
    vector.save(folder / "vector.safetensors")
    norms = residual_norms(model)
    on_step("choice on validation")
    layers = study.layers or _candidates(vector, model.n_layers)
    chosen = choose_strength(
        measure, model, splits.validation, vector, layers=layers, shares=study.shares, tokens=tokens, norms=norms,
        kl=study.matched_kl,
    )  # fmt: skip
    prompts, prompts_tried = choose_prompts(measure, model, splits.validation)
    chosen = replace(chosen, prompts=prompts, prompts_tried=prompts_tried)
    record: dict[str, Any] = {}
    asked: dict[PromptLevel, dict[str, Any]] = {"none": {}}
    asked |= {side: {"system": text} for side, text in prompts.items()}  # type: ignore[misc]
    if demonstrations is not None:
        on_step("choice of demonstrations")
        shown = asked_by(demonstrations, study.score).tune(model, splits.train, splits.validation, seed=study.seed)
        record[demonstrations.name] = {"context_tokens": shown.context_tokens, **shown.record}
        asked["few-shot"] = {"shots": shown.shots, "system": shown.system}

    def plan(of: SteeringVector, level: str) -> Plan:
        sign = {"positive": 1, "none": 0, "negative": -1}[level]
        return apply(of, chosen.layer, sign * chosen.scale, tokens=tokens)

    grid: dict[Cell, ArmValues] = {}
    costs: list[dict[str, Any]] = []

    def measure_arms(on: Model, finetune: str, vectors: dict[str, SteeringVector]) -> None:
        steered = [(origin, level) for origin in vectors for level in ("negative", "positive")]
        plans = [Plan(), *(plan(vectors[origin], level) for origin, level in steered)]
        levels = [level for level in PROMPTS if level in asked]
        names = [f"test arms: fine-tune {finetune}, prompt {prompt}" for prompt in levels]
        wanted = [Arms(name, splits.test, plans, **asked[prompt]) for name, prompt in zip(names, levels, strict=True)]
        on_step(f"test arms: fine-tune {finetune}")
        *arms, cost_of = measure.together(on, [*wanted, Costs(f"cost: {finetune}", plans[1:])])
        for prompt, found in zip(levels, arms, strict=True):
            for origin in vectors:
                grid[Cell(prompt, "none", finetune, origin)] = found[0]  # type: ignore[arg-type]
            for (origin, level), values in zip(steered, found[1:], strict=True):
                grid[Cell(prompt, level, finetune, origin)] = values  # type: ignore[arg-type]
        for (origin, level), cost in zip(steered, cost_of, strict=True):
            costs.append({"finetune": finetune, "vector": level, "vector_origin": origin, **cost})

    measure_arms(model, "none", {"transferred": vector})
    on_step("nulls")
    null = null_vectors(
        model, splits.train, vector.only(chosen.layer), method, position=study.position, count=study.nulls,
        others=others[: study.nulls], seed=study.seed,
    )  # fmt: skip
    null_plans = [plan(of, "positive") for of in null.values()]
    nulls = dict(zip(null, measure.arms("nulls", model, splits.test, null_plans), strict=True))
    if together:
        on_step("vectors together")
    companions = measure_together(
        measure, model, splits.validation, splits.test, plan(vector, "positive"), together or {},
        layers=study.layers, shares=study.shares, tokens=tokens, norms=norms,
    )  # fmt: skip
    tune_together(crew, baselines, model, splits, folder, study.seed)
    refitted: dict[str, SteeringVector] = {}
    for baseline in baselines:
        on_step(f"fine-tune {baseline.label}")
        tuned = tuned_model(baseline, model, splits, folder, study.seed)
        if crew is not None:
            crew.learn(tuned.model, weights_of(baseline, model, splits, folder, study.seed))
        record[baseline.label] = {"parameters": tuned.parameters, "seconds": tuned.seconds, **tuned.record}
        again = extract(tuned.model, splits.train, method, position=study.position)
        refitted[baseline.label] = again
        again.save(folder / f"vector-{baseline.label}.safetensors")
        measure_arms(tuned.model, baseline.label, {"transferred": vector, "refitted": again})
    known = (method, *baselines, *([demonstrations] if demonstrations else []))
    papers = {one.name: one.paper for one in known}
    return StackResult(
        study,
        model,
        splits,
        chosen,
        competence,
        grid,
        nulls,
        vector,
        refitted,
        costs,
        norms,
        record,
        companions,
        papers,
    )


def _candidates(vector: SteeringVector, n_layers: int) -> tuple[int, ...]:
    """Layers in the middle of the model, among those that the vector has."""
    among = tuple(layer for layer in candidate_layers(n_layers) if layer in vector.directions)
    return among or vector.layers
