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
from steerstack.study.efficiency.subsets import subset
from steerstack.study.forecast import ARMS, Forecast, fit_seconds, resolved, timed, unit
from steerstack.study.session import Session
from steerstack.techniques.extract import extract
from steerstack.techniques.selection import Candidates
from steerstack.techniques.technique import Conditioning

if TYPE_CHECKING:
    from steerstack.study.stack.study import Stack

DRAWS = 3
"""Demonstrations are chosen among about as many draws."""


def forecast_stack(study: Stack, session: Session) -> Forecast:
    """What a stacking study will take."""
    model, data, splits = session.model, session.data, session.splits
    method = study.method.make("extractor")
    baselines = [one.make("baseline") for one in study.finetunes]
    demonstrations, together, others = bool(study.few_shot), len(study.together), len(behaviors()) - 1
    n_train, n_validation, n_test = len(splits.train), len(splits.validation), len(splits.test)
    competence = timed(lambda: check_competence(model, splits.validation))[0]
    reading, vector = timed(lambda: extract(model, splits.validation, method, position=study.position))
    norming = timed(lambda: residual_norms(model))[0]
    tokens = Tokens.parse(study.tokens)
    candidates = Candidates(study.layers, study.shares, None, tokens).of(model, vector, method)
    plan = candidates[len(candidates) // 2].plan(vector, tokens)
    plain = unit(model, splits.validation, study.score, plan)
    shown = unit(model, splits.validation, study.score, plan, shots_of(splits.train.items[:4], study.score))
    texts = neutral_texts(model.format)
    costing = timed(lambda: divergence(model, texts[:2], [plan] * ARMS))[0] / 2 * len(texts) / ARMS
    tried = len({one.layers for one in candidates}) if study.matched_kl else len(candidates)
    prompts = 1 + bool(data.prompts.positive) + bool(data.prompts.negative)
    nulls = 2 * study.nulls + min(others, study.nulls)
    arms = [2] + [4] * len(baselines)
    read = reading * n_train / n_validation
    parts = {
        "competence, norms": competence + norming,
        "extraction": read * (1 + len(baselines) + bool(study.nulls) + min(others, study.nulls)),
        "choice on validation": plain.of(n_validation, tried) + costing,
        "choice of prompts": plain.of(n_validation, 0) * (len(data.prompts.positive) + len(data.prompts.negative)),
        "nulls": plain.of(n_test, nulls),
        "test arms": sum(prompts * plain.of(n_test, of) + of * costing for of in arms),
    }
    if demonstrations:
        parts["demonstrations"] = DRAWS * shown.of(n_validation, 0) + sum(shown.of(n_test, of) for of in arms)
    if together:
        parts["vectors together"] = together * (plain.of(n_validation, tried) + costing + plain.of(n_test, 3))
    pilots = [subset(splits, n, seed=0) for n in (16, 32) if n <= n_train + n_validation]
    for baseline in baselines:
        seconds = fit_seconds(Conditioning(baseline), model, pilots, study.score)[0]
        parts[baseline.name] = seconds(n_train + n_validation)
    smallest = resolved(model, splits.validation, study.score, plan, n_test)
    measured = n_validation * (1 + tried) + n_test * (1 + nulls + sum((1 + of) * prompts for of in arms))
    return Forecast(len(baselines), measured, sum(parts.values()), smallest, parts)
