"""What a stacking study will take, part by part, from short pilots on training and validation items."""

from collections.abc import Sequence

from steerstack.applying import apply
from steerstack.asking import shots_of
from steerstack.contracts import Baseline, Extractor
from steerstack.data import DataSet
from steerstack.engine.divergence import divergence
from steerstack.extraction import extract
from steerstack.splits import split
from steerstack.study.competence import check_competence
from steerstack.study.forecast import ARMS, Forecast, fit_seconds, resolved, timed, unit
from steerstack.study.neutral import neutral_texts
from steerstack.study.norms import residual_norms
from steerstack.study.select import candidate_layers, candidate_scales
from steerstack.study.stacking import Stacking
from steerstack.study.subsets import subset
from steerstack.study.techniques import Conditioning
from steerstack.tokens import Tokens
from steerstack.trace.model import Model

DRAWS = 3
"""Demonstrations are chosen among about as many draws."""


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
    plain = unit(model, splits.validation, study.score, plan)
    shown = unit(model, splits.validation, study.score, plan, shots_of(splits.train.items[:4], study.score))
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
    smallest = resolved(model, splits.validation, study.score, plan, n_test)
    measured = n_validation * (1 + 2 * tried) + n_test * (1 + nulls + sum((1 + of) * prompts for of in arms))
    return Forecast(len(baselines), measured, sum(parts.values()), smallest, parts)
