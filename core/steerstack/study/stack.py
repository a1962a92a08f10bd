"""The stacking study: does the vector still help on top of a prompt and of a fine-tune?

Extract on train; choose layer, strength and prompts on validation; then read the locked
test split once, for every arm on the same items.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from steerstack import digest
from steerstack.asking import ScoreMode, contrast_pairs
from steerstack.contracts import Baseline, Extractor
from steerstack.data import DataSet
from steerstack.engine.extract import PairActivations
from steerstack.extraction import extract
from steerstack.intervention import Plan
from steerstack.splits import Splits, split
from steerstack.study import stats
from steerstack.study.competence import Competence, check_competence
from steerstack.study.grid import LEVELS, Cell, arms_json, interactions_json
from steerstack.study.ledger import Ledger
from steerstack.study.measure import Advance, ArmValues, Measure
from steerstack.study.norms import residual_norms
from steerstack.study.nulls import Remembered, shuffled_like
from steerstack.study.select import Chosen, add, candidate_layers, choose_prompts, choose_strength
from steerstack.study.tuned import tuned_model
from steerstack.tokens import Tokens
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector, random_like


@dataclass(frozen=True)
class Stacking:
    """A stacking study, declared before it is run.

    Attributes
    ----------
    behavior:
        The behaviour.
    score:
        How items are scored.
    position, tokens:
        Where the vector is read, and where it is added.
    layers:
        Candidate layers; None for six spread over the middle of the model.
    shares:
        Candidate strengths: added norm as a share of the residual stream's.
    nulls:
        Number of random and of shuffled-label vectors.
    seed:
        Of the splits, the nulls and the fine-tune.
    limit:
        Number of items used; None for all.
    """

    behavior: str
    score: ScoreMode = "text"
    position: str = "response"
    tokens: str = "response"
    layers: tuple[int, ...] | None = None
    shares: tuple[float, ...] = (0.1, 0.2, 0.4)
    nulls: int = 5
    seed: int = 0
    limit: int | None = None

    @property
    def digest(self) -> str:
        """Digest of the declaration."""
        return digest.of_json(asdict(self))


@dataclass(frozen=True)
class StackResult:
    """All that came out, before it is written anywhere.

    Attributes
    ----------
    study, splits, chosen, competence:
        What was declared, on which items, what was chosen, and whether the model reacts to content.
    grid:
        Every arm of the test split.
    nulls:
        Each null's name and its arm, unprompted on the base model.
    vector, refitted:
        The base model's vector, and the fine-tune's by the fine-tune's name.
    costs:
        For each steered arm on neutral text: KL per token and perplexity.
    record:
        How the fine-tunes were made.
    """

    study: Stacking
    model: Model
    splits: Splits
    chosen: Chosen
    competence: Competence
    grid: dict[Cell, ArmValues]
    nulls: dict[str, ArmValues]
    vector: SteeringVector
    refitted: dict[str, SteeringVector]
    costs: list[dict[str, Any]]
    norms: dict[int, float]
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def effect(self) -> stats.Estimate:
        """Effect of the positive vector alone on the base model, paired."""
        return stats.difference(self.grid[Cell("none", "positive")].log_odds, self.grid[Cell("none", "none")].log_odds)

    def to_json(self) -> dict[str, Any]:
        """The file form of ``stack --json``, without where it was recorded."""
        layer, scale = self.chosen.layer, self.chosen.scale
        strength = {
            "multiplier": scale,
            "norm": abs(scale) * self.vector.norms[layer],
            "share_of_residual_norm": abs(scale) * self.vector.norms[layer] / self.norms[layer],
        }
        return {
            "behavior": self.study.behavior,
            "polarity": self.splits.test.polarity,
            "study": asdict(self.study),
            "score": self.study.score,
            "scale": "log-odds per token" if self.study.score == "text" else "log-odds",
            "n": {name: len(getattr(self.splits, name)) for name in ("train", "validation", "test")},
            "data_digests": self.splits.digests,
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "vector_fingerprint": self.vector.fingerprint,
            "selected": self.chosen.to_json(),
            "strength": strength,
            "competence": self.competence.to_json(),
            "warning": self.competence.warning(self.study.score),
            "arms": arms_json(self.grid),
            "interactions": interactions_json(self.grid),
            "nulls": self._nulls_json(),
            "costs": self.costs,
            "finetunes": self.record,
            "verdict": self.verdict(),
        }

    def _nulls_json(self) -> list[dict[str, Any]]:
        base = self.grid[Cell("none", "none")].log_odds
        return [
            {"null": name, "effect": stats.difference(values.log_odds, base).to_json()}
            for name, values in self.nulls.items()
        ]

    def beats_nulls(self) -> tuple[int, int]:
        """How many nulls move the log-odds less than the vector does, and how many there are."""
        base = self.grid[Cell("none", "none")].log_odds
        sizes = [abs(float(np.mean(values.log_odds - base))) for values in self.nulls.values()]
        return sum(size < abs(self.effect.value) for size in sizes), len(sizes)

    def verdict(self) -> str:
        """The answer in words."""
        beaten, total = self.beats_nulls()
        effect = self.effect
        if effect.ci_low > 0:
            head = f"The vector alone raises {self.study.behavior}"
        elif effect.ci_high < 0:
            head = f"The vector alone lowers {self.study.behavior}, against its sign"
        else:
            head = f"The vector alone has no measurable effect on {self.study.behavior}"
        parts = [
            f"{head}: {effect} on the log-odds scale (n = {effect.n}); it moves more than {beaten} of {total} nulls."
        ]
        parts.extend(
            _on_top(entry)
            for entry in interactions_json(self.grid)
            if (entry["scale"], entry["direction"], entry["of"][0]) == ("log-odds", "positive", "vector")
        )
        return " ".join(parts)


def run_stack(
    study: Stacking,
    model: Model,
    data: DataSet,
    method: Extractor,
    baselines: list[Baseline],
    *,
    folder: Path,
    advance: Advance = lambda _what, _done: None,
    on_step: Callable[[str], None] = lambda _: None,
) -> StackResult:
    """Run a stacking study, or go on with one that was stopped.

    Parameters
    ----------
    study, model, data, method, baselines:
        What is declared.
    folder:
        Where finished steps, vectors and adapters are kept; the same folder resumes.
    advance, on_step:
        Progress.
    """
    splits = split(data.limit(study.limit), seed=study.seed)
    measure = Measure(study.score, Ledger(folder), advance)
    tokens = Tokens.parse(study.tokens)
    on_step("competence check")
    competence = check_competence(model, splits.validation)
    on_step("extraction")
    vector = extract(model, splits.train, method, position=study.position, progress=lambda n: advance("pairs", n))
    vector.save(folder / "vector.safetensors")
    norms = residual_norms(model)
    on_step("choice on validation")
    layers = study.layers or tuple(candidate_layers(model.n_layers))
    chosen = choose_strength(
        measure, model, splits.validation, vector, layers=layers, shares=study.shares, tokens=tokens, norms=norms
    )
    prompts, prompts_tried = choose_prompts(measure, model, splits.validation)
    chosen = Chosen(chosen.layer, chosen.scale, chosen.tried, chosen.within_budget, prompts, prompts_tried)

    def plan(of: SteeringVector, level: str) -> Plan:
        return add(of, chosen.layer, {"positive": 1, "none": 0, "negative": -1}[level] * chosen.scale, tokens)

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
    pairs = contrast_pairs(model.format, splits.train, study.position)
    stream = Remembered(PairActivations(model, pairs, layers=[chosen.layer]))
    at_layer = SteeringVector({chosen.layer: vector[chosen.layer]}, vector.component, vector.origin)
    named = {f"random {i}": random_like(at_layer, study.seed + i) for i in range(study.nulls)}
    named |= {
        f"shuffled labels {i}": shuffled_like(at_layer, method, stream, study.seed + i) for i in range(study.nulls)
    }
    plans = [add(null, chosen.layer, chosen.scale, tokens) for null in named.values()]
    return dict(zip(named, measure.arms("nulls", model, splits.test, plans), strict=True))


def _on_top(entry: dict[str, Any]) -> str:
    """What the vector still does on top of something else, and how the two combine."""
    other = "a positive prompt" if entry["of"][1] == "prompt" else entry["of"][1]
    if "finetune" in entry:
        other += f" on {entry['finetune']}"
    origin = f" ({entry['vector_origin']})" if "vector_origin" in entry else ""
    effect = entry["first_on_top"]
    interval = f"{effect['value']:+.3f} [{effect['ci_low']:+.3f}, {effect['ci_high']:+.3f}]"
    words = {
        "only the first works alone": f"{entry['of'][1]} alone does nothing measurable",
        "only the second works alone": "the vector alone does nothing measurable",
    }
    verdict = words.get(entry["verdict"], entry["verdict"])
    return f"On top of {other}{origin} it does {interval} ({verdict})."
