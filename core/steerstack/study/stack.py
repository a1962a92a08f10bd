"""The stacking study: does the vector still help on top of a prompt and of a fine-tune?

Extract on train; choose layer, strength and prompts on validation; then read the locked
test split once, for every arm on the same items.
"""

from collections.abc import Callable
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
from steerstack.study.grid import LEVELS, Cell
from steerstack.study.ledger import Ledger
from steerstack.study.measure import Advance, Announce, ArmValues, Measure
from steerstack.study.norms import residual_norms
from steerstack.study.nulls import Shuffler
from steerstack.study.select import Chosen, candidate_layers, choose_prompts, choose_strength
from steerstack.study.stacking import Stacking, StackResult
from steerstack.study.tuned import check_trains, tuned_model
from steerstack.tokens import Tokens
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector, random_like


def run_stack(
    study: Stacking,
    model: Model,
    data: DataSet,
    method: Extractor,
    baselines: list[Baseline],
    *,
    folder: Path,
    advance: Advance = lambda _what, _done: None,
    announce: Announce = lambda _what, _total, _done: None,
    on_step: Callable[[str], None] = lambda _: None,
) -> StackResult:
    """Run a stacking study, or go on with one that was stopped.

    Parameters
    ----------
    study, model, data, method, baselines:
        What is declared.
    folder:
        Where finished steps, vectors and adapters are kept; the same folder resumes.
    advance, announce, on_step:
        Progress.
    """
    check_trains(baselines)
    if method.at_once:
        raise StudyError(
            f"{method.name} acts at all its layers at once; a stacking study chooses one.",
            fix="Use it in efficiency or generalize, or evaluate it with --layer all.",
        )
    splits = split(data.limit(study.limit), seed=study.seed)
    measure = Measure(study.score, Ledger(folder), advance, announce)
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
        measure, model, splits.validation, vector, layers=layers, shares=study.shares, tokens=tokens, norms=norms
    )
    prompts, prompts_tried = choose_prompts(measure, model, splits.validation)
    chosen = replace(chosen, prompts=prompts, prompts_tried=prompts_tried)

    def plan(of: SteeringVector, level: str) -> Plan:
        sign = {"positive": 1, "none": 0, "negative": -1}[level]
        return apply(of, chosen.layer, sign * chosen.scale, tokens=tokens)

    grid: dict[Cell, ArmValues] = {}
    costs: list[dict[str, Any]] = []

    def measure_arms(on: Model, finetune: str, vectors: dict[str, SteeringVector]) -> None:
        steered = [(origin, level) for origin in vectors for level in ("negative", "positive")]
        plans = [Plan(), *(plan(vectors[origin], level) for origin, level in steered)]
        for prompt in LEVELS:
            if prompt != "none" and prompt not in prompts:
                continue
            name = f"test arms: fine-tune {finetune}, prompt {prompt}"
            on_step(name)
            found = measure.arms(name, on, splits.test, plans, system=prompts.get(prompt))
            for origin in vectors:
                grid[Cell(prompt, "none", finetune, origin)] = found[0]  # type: ignore[arg-type]
            for (origin, level), values in zip(steered, found[1:], strict=True):
                grid[Cell(prompt, level, finetune, origin)] = values  # type: ignore[arg-type]
        for (origin, level), cost in zip(steered, measure.costs(f"cost: {finetune}", on, plans[1:]), strict=True):
            costs.append({"finetune": finetune, "vector": level, "vector_origin": origin, **cost})

    measure_arms(model, "none", {"transferred": vector})
    on_step("nulls")
    nulls = _nulls(study, measure, model, splits, vector, method, chosen, tokens)
    refitted: dict[str, SteeringVector] = {}
    record: dict[str, Any] = {}
    for baseline in baselines:
        on_step(f"fine-tune {baseline.name}")
        tuned = tuned_model(baseline, model, splits, folder, study.seed)
        record[baseline.name] = {"parameters": tuned.parameters, "seconds": tuned.seconds, **tuned.record}
        again = extract(tuned.model, splits.train, method, position=study.position)
        refitted[baseline.name] = again
        again.save(folder / f"vector-{baseline.name}.safetensors")
        measure_arms(tuned.model, baseline.name, {"transferred": vector, "refitted": again})
    return StackResult(study, model, splits, chosen, competence, grid, nulls, vector, refitted, costs, norms, record)


def _candidates(vector: SteeringVector, n_layers: int) -> tuple[int, ...]:
    """Layers in the middle of the model, among those that the vector has."""
    among = tuple(layer for layer in candidate_layers(n_layers) if layer in vector.directions)
    return among or vector.layers


def _nulls(
    study: Stacking,
    measure: Measure,
    model: Model,
    splits: Splits,
    vector: SteeringVector,
    method: Extractor,
    chosen: Chosen,
    tokens: Tokens,
) -> dict[str, ArmValues]:
    """Random and shuffled-label vectors at the chosen layer and strength, on the test split."""
    at_layer = vector.only(chosen.layer)
    named = {f"random {i}": random_like(at_layer, study.seed + i) for i in range(study.nulls)}
    make = Shuffler(model, splits.train, method, study.position, chosen.layer)
    named |= {f"shuffled labels {i}": make.like(at_layer, study.seed + i) for i in range(study.nulls)}
    plans = [apply(null, chosen.layer, chosen.scale, tokens=tokens) for null in named.values()]
    return dict(zip(named, measure.arms("nulls", model, splits.test, plans), strict=True))
