"""What a stacking study will take, part by part, from short pilots on training and validation items."""

from collections.abc import Sequence
from dataclasses import dataclass

from steerstack.applying import apply
from steerstack.asking import Shots, shots_of
from steerstack.contracts import Baseline, Extractor
from steerstack.data import DataSet
from steerstack.engine.divergence import divergence
from steerstack.extraction import extract
from steerstack.intervention import Plan
from steerstack.splits import split
from steerstack.study.competence import check_competence
from steerstack.study.fitted_step import values_of
from steerstack.study.forecast import PILOT, Forecast, fit_seconds, timed
from steerstack.study.multiplicity import minimal_effect
from steerstack.study.neutral import neutral_texts
from steerstack.study.norms import residual_norms
from steerstack.study.scoring import score_data
from steerstack.study.select import candidate_layers, candidate_scales
from steerstack.study.stacking import Stacking
from steerstack.study.subsets import subset
from steerstack.study.techniques import Condition, Conditioning
from steerstack.tokens import Tokens
from steerstack.trace.model import Model

ARMS = 8
"""Steered arms of a pilot."""

DRAWS = 3
"""Demonstrations are chosen among about as many draws."""


@dataclass(frozen=True)
class _Unit:
    """Seconds an item takes bare, and for each further steered arm."""

    bare: float
    arm: float

    def of(self, items: int, arms: int) -> float:
        """Seconds of items under the bare model and some arms."""
        return items * (self.bare + self.arm * arms)


def forecast_stack(
    study: Stacking,
    model: Model,
    data: DataSet,
    method: Extractor,
    baselines: Sequence[Baseline],
    *,
    demonstrations: bool,
    together: int = 0,
    others: int = 0,
) -> Forecast:
    """What a stacking study will take.

    Parameters
    ----------
    study, model, data, method, baselines:
        As of :func:`steerstack.study.stack.run_stack`.
    demonstrations:
        Whether few-shot is a level of the prompt.
    together, others:
        Number of other vectors, and of other behaviours for nulls.
    """
    splits = split(data.limit(study.limit), seed=study.seed)
    n_train, n_validation, n_test = len(splits.train), len(splits.validation), len(splits.test)
    competence = timed(lambda: check_competence(model, splits.validation))[0]
    reading, vector = timed(lambda: extract(model, splits.validation, method, position=study.position))
    norming, norms = timed(lambda: residual_norms(model))
    layers = [at for at in study.layers or candidate_layers(model.n_layers) if at in vector.directions]
    middle = layers[len(layers) // 2]
    scale = candidate_scales(vector, middle, norms[middle], study.shares)[0]
    plan = apply(vector, middle, scale, tokens=Tokens.parse(study.tokens))
    plain = _unit(study, model, splits.validation, plan, ())
    shown = _unit(study, model, splits.validation, plan, shots_of(splits.train.items[:4], study.score))
    texts = neutral_texts(model.format)
    costing = timed(lambda: divergence(model, texts[:2], [plan] * ARMS))[0] / 2 * len(texts) / ARMS
    tried = len(layers) * (1 if study.matched_kl else len(study.shares))
    prompts = 1 + bool(data.prompts.positive) + bool(data.prompts.negative)
    nulls = 2 * study.nulls + min(others, study.nulls)
    arms = [2] + [4] * len(baselines)
    read = reading * n_train / n_validation
    parts = {
        "competence, norms": competence + norming,
        "extraction": read * (1 + len(baselines) + bool(study.nulls) + min(others, study.nulls)),
        "choice on validation": plain.of(n_validation, 2 * tried) + 2 * tried * costing,
        "choice of prompts": plain.of(n_validation, 0) * (len(data.prompts.positive) + len(data.prompts.negative)),
        "nulls": plain.of(n_test, nulls),
        "test arms": sum(prompts * plain.of(n_test, of) + of * costing for of in arms),
    }
    if demonstrations:
        parts["demonstrations"] = DRAWS * shown.of(n_validation, 0) + sum(shown.of(n_test, of) for of in arms)
    if together:
        parts["vectors together"] = together * (
            plain.of(n_validation, 2 * tried) + 2 * tried * costing + plain.of(n_test, 3)
        )
    pilots = [subset(splits, n, seed=0) for n in (16, 32) if n <= n_train + n_validation]
    for baseline in baselines:
        seconds = fit_seconds(Conditioning(baseline), model, pilots, study.score)[0]
        parts[baseline.name] = seconds(n_train + n_validation)
    pilot = splits.validation.limit(min(PILOT, n_validation))
    spread = values_of(Condition(model, plan), pilot, study.score) - values_of(Condition(model), pilot, study.score)
    smallest = minimal_effect(spread, n_test)
    measured = n_validation * (1 + 2 * tried) + n_test * (1 + nulls + sum((1 + of) * prompts for of in arms))
    return Forecast(len(baselines), measured, sum(parts.values()), smallest, parts)


def _unit(study: Stacking, model: Model, data: DataSet, plan: Plan, shots: Shots) -> _Unit:
    """Seconds per item, from a pilot."""
    pilot = data.limit(min(PILOT, len(data)))
    score_data(model, pilot.limit(2), study.score, [Plan()], shots=shots)  # the first pass pays for the others
    bare = timed(lambda: score_data(model, pilot, study.score, [Plan()], shots=shots))[0] / len(pilot)
    many = timed(lambda: score_data(model, pilot, study.score, [Plan(), *[plan] * ARMS], shots=shots))[0] / len(pilot)
    return _Unit(bare, max(0.0, many - bare) / ARMS)
