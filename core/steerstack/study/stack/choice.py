"""What a stacking study chooses on validation items, through the ledger: layer and strength, and prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from steerstack.contracts import Extractor
from steerstack.data.questions import ask, times_asked
from steerstack.measure.flops import asked_tokens, forward
from steerstack.run.arms import ScoreArms
from steerstack.stats.estimate import Estimate
from steerstack.stats.estimates import difference
from steerstack.stats.item_clusters import clusters
from steerstack.steering.site import Site
from steerstack.steering.vector import SteeringVector
from steerstack.study.session import Session
from steerstack.techniques.promise import ITEMS, Slopes, sites_to_rank, slopes_on
from steerstack.techniques.prompt_variants import prompt_variants
from steerstack.techniques.search import choose_each, search
from steerstack.techniques.selection import CRITERION, Candidate, Candidates, Choice
from steerstack.techniques.strength_at_kl import kl_at

_CODE = ("steerstack.techniques.search", "steerstack.techniques.promise")


def choose_strengths(
    session: Session,
    vectors: Mapping[str, SteeringVector],
    method: Extractor | None,
    candidates: Candidates,
    *,
    called: str = "",
) -> dict[str, Choice]:
    """Layer and strength of each vector by the rule of :mod:`steerstack.techniques.selection`, side by side.

    Parameters
    ----------
    vectors:
        By name. Each has candidates of its own; what is measured of them at one time shares the unsteered work.
    called:
        Of the vectors, in progress messages.
    """
    model, ledger, tokens = session.model, session.ledger, candidates.tokens
    sample = session.splits.validation.spread(ITEMS)

    def strengths(vector: SteeringVector) -> list[Candidate]:
        about = [model.fingerprint, vector.fingerprint, vars(tokens)]
        return candidates.of(
            model, vector, method,
            keep=lambda at, find: float(ledger.once("calibration", [*about, at, candidates.kl], find, code=_CODE)),
        )  # fmt: skip

    effects: dict[tuple[str, Candidate], Estimate] = {}
    alike = clusters(sample)
    groups = alike.labels if alike else None

    def score(places: Sequence[tuple[str, Candidate]]) -> list[float]:
        arms = [session.arm("", one.plan(vectors[name], tokens)) for name, one in places]
        bare, *results = session.measure.arms(f"validation sweep{called}", sample, [session.arm(""), *arms])
        for place, values in zip(places, results, strict=True):
            effects[place] = difference(values.log_odds, bare.log_odds, groups=groups)
        return [float(values.log_odds.mean()) for values in results]

    def cost(places: Sequence[tuple[str, Candidate]]) -> list[float]:
        plans = [one.plan(vectors[name], tokens) for name, one in places]
        about = [model.fingerprint, [plan.fingerprint for plan in plans]]
        return list(ledger.once("cost of candidates", about, lambda: kl_at(model, plans), code=_CODE))

    grids = {name: strengths(vector) for name, vector in vectors.items()}
    ranked = {name: sites_to_rank(vectors[name], method, grid, candidates.kl) for name, grid in grids.items()}
    slopes = _slopes(session, sorted({site for sites in ranked.values() for site in sites}, key=str), candidates)
    searches = {
        name: search(grid, promise=slopes.promise(vectors[name], grid) if ranked[name] else None, kl=candidates.kl)
        for name, grid in grids.items()
    }
    choices = choose_each(searches, score, cost)
    return {
        name: replace(one, tried=tuple(replace(t, effect=effects.get((name, t.candidate))) for t in one.tried))
        for name, one in choices.items()
    }


def _slopes(session: Session, sites: Sequence[Site], candidates: Candidates) -> Slopes:
    """The slopes of the mean log-odds on the validation items, through the ledger."""
    data, study, tokens = session.splits.validation, session.study, candidates.tokens
    if not sites:
        return Slopes({})

    def find() -> list[list[float]]:
        return [row.tolist() for row in slopes_on(session.model, data, study.score, sites, tokens).at.values()]

    about = [session.model.fingerprint, data.digest, study.score, [str(site) for site in sites], vars(tokens)]
    rows = session.ledger.once("first-order effects", about, find, code=_CODE)
    return Slopes({site: torch.tensor(row) for site, row in zip(sites, rows, strict=True)})


def choose_prompts(session: Session, choices: int) -> tuple[dict[str, str], dict[str, object]]:
    """The system prompts that raise and lower the behaviour most on validation, and what was tried of either.

    Parameters
    ----------
    choices:
        How many are tried, as many as of the vector: the data's own (all of these), two together, and with examples.
    """
    data, train = session.splits.validation, session.splits.train
    answers = {"positive": [item.exhibits_text for item in train], "negative": [item.contrast_text for item in train]}
    winners: dict[str, str] = {}
    tried, flops, added = 0, 0.0, 0
    format, mode = session.model.format, session.study.score
    plain = asked_tokens(ask(format, data, mode))
    for side, best in (("positive", max), ("negative", min)):
        prompts = prompt_variants(getattr(data.prompts, side), answers[side], choices, seed=session.study.seed)
        requests = [
            ScoreArms(f"validation: {side} prompts", data, [session.arm("", system=prompt)]) for prompt in prompts
        ]
        results = session.measure.together(session.model, requests)
        means = {prompt: float(arm.log_odds.mean()) for prompt, (arm,) in zip(prompts, results, strict=True)}
        if means:
            winners[side] = best(means, key=lambda prompt: means[prompt])
        tried = max(tried, len(prompts))
        tokens = {prompt: asked_tokens(ask(format, data, mode, system=prompt)) for prompt in means}
        flops += forward(session.model, sum(tokens.values()))
        if side == "positive" and means:
            count = sum(times_asked(item, mode) for item in data)
            added = round((tokens[winners[side]] - plain) / count)
    return winners, {"choices_tried": tried, "criterion": CRITERION, "flops": flops, "context_tokens": added}
