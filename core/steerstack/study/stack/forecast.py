"""What a stacking study will take, part by part, from short pilots on training and validation items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.catalog.data import behaviors
from steerstack.data.questions import shots_of
from steerstack.engine.divergence import divergence
from steerstack.measure.competence import check_competence
from steerstack.measure.neutral_text import neutral_texts
from steerstack.measure.residual_norms import residual_norms
from steerstack.steering.tokens import Tokens
from steerstack.study.forecast import ARMS, Forecast, fit_seconds, resolved, timed, unit
from steerstack.study.session import Session
from steerstack.study.stack.nulls import TEST_ITEMS
from steerstack.techniques.extract import extract
from steerstack.techniques.labels.subsets import subset
from steerstack.techniques.promise import ITEMS, SLOPE_ITEMS, sites_to_rank
from steerstack.techniques.selection import FEW, Candidates
from steerstack.techniques.strength_at_kl import TEXTS
from steerstack.techniques.technique import Conditioning

if TYPE_CHECKING:
    from steerstack.study.stack.study import Stack

SLOPE = 6
"""Passes over an item's answers that its gradient takes: both with their prompts, forward and backward."""


def forecast_stack(study: Stack, session: Session) -> Forecast:
    """What a stacking study will take."""
    model, data, splits = session.model, session.data, session.splits
    method = study.method.make("extractor")
    baselines = [one.make("baseline") for one in study.finetunes]
    demonstrations, together, others = bool(study.few_shot), len(study.together), len(behaviors()) - 1
    n_train, n_validation, n_test = len(splits.train), len(splits.validation), len(splits.test)
    competence = timed(lambda: check_competence(model, splits.validation, study.score))[0]
    reading, vector = timed(lambda: extract(model, splits.validation, method, position=study.position))
    norming = timed(lambda: residual_norms(model))[0]
    tokens = Tokens.parse(study.tokens)
    candidates = Candidates(study.layers, study.shares, None, tokens).of(model, vector, method)
    plan = candidates[len(candidates) // 2].plan(vector, tokens)
    plain = unit(model, splits.validation, study.score, plan)
    shown = unit(
        model,
        splits.validation,
        study.score,
        plan,
        shots_of(splits.train.items[:4], study.score, model.format.manner.form),
    )
    texts = neutral_texts(model.format)
    costing = timed(lambda: divergence(model, texts[:2], [plan] * ARMS))[0] / 2 * len(texts) / ARMS
    tried = len({one.layers for one in candidates}) if study.matched_kl else len(candidates)
    prompts = 1 + bool(data.prompts.positive) + bool(data.prompts.negative)
    near = min(others, study.neighbors)
    nulls = 2 * study.nulls + near
    ranked = bool(sites_to_rank(vector, method, candidates, study.matched_kl))
    shared, measured_each = min(ITEMS, n_validation), FEW if ranked else tried
    sloped = SLOPE * plain.of(min(SLOPE_ITEMS, n_validation), 0) if ranked else 0.0
    cost_each = costing * TEXTS / len(texts)
    arms = [2] + [4] * len(baselines)
    read = reading * n_train / n_validation
    parts = {
        "competence, norms": competence + norming,
        "extraction": read * (1 + len(baselines) + bool(study.nulls) + near),
        "choice on validation": sloped + plain.of(shared, measured_each) + cost_each,
        "choice of prompts": plain.of(n_validation, 0) * max(tried, 1) * (prompts - 1),
        "nulls": plain.of(shared, nulls * measured_each) + plain.of(min(TEST_ITEMS, n_test), nulls) + nulls * cost_each,
        "test arms": sum(prompts * plain.of(n_test, of) + of * costing for of in arms),
    }
    if demonstrations:
        parts["demonstrations"] = tried * shown.of(n_validation, 0) + sum(shown.of(n_test, of) for of in arms)
    if together:
        parts["vectors together"] = together * (plain.of(shared, measured_each) + cost_each + plain.of(n_test, 3))
    beside = Candidates(study.layers, study.shares, study.matched_kl)
    pilots = [subset(splits, n, seed=0) for n in (16, 32) if n <= n_train + n_validation]
    for baseline in baselines:
        seconds = fit_seconds(Conditioning(baseline, beside), model, pilots, study.score)[0]
        parts[baseline.name] = seconds(n_train + n_validation)
    smallest = resolved(model, splits.validation, study.score, plan, n_test)
    evaluations = shared * (1 + measured_each * (1 + nulls)) + min(TEST_ITEMS, n_test) * nulls
    evaluations += n_test * (1 + sum((1 + of) * prompts for of in arms))
    return Forecast(len(baselines), evaluations, sum(parts.values()), smallest, parts)
