"""One rule of choice: the same in every study, against a plain loop that scores and costs every candidate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerstack import Efficiency, Stack
from steerstack.data.splits import split
from steerstack.errors import StudyError
from steerstack.measure.arm import Arm
from steerstack.measure.residual_norms import residual_norms
from steerstack.steering.tokens import Tokens
from steerstack.study.fit_step import values_of
from steerstack.techniques.apply import apply
from steerstack.techniques.extract import extract
from steerstack.techniques.search import choose
from steerstack.techniques.selection import FEW, KL_BUDGET, SHARES, Candidate, candidate_layers
from steerstack.techniques.strength_at_kl import kl_at
from steerstack.techniques.technique import technique
from steerstack.testing import planted_data, planted_model

PARTS = split(planted_data(24))


def fitted(**options):
    """The mean difference, found and chosen on the parts of the planted data as a study of techniques does."""
    one = technique("mean-difference", position="response", **options)
    return one.fit(planted_model(), PARTS.train, PARTS.validation, "text", 0)


def plain_loop(layers, shares):
    """Every candidate by layer and share, with its scale, its mean log-odds on validation and its cost."""
    model = planted_model()
    vector = extract(model, PARTS.train, "mean-difference", position="response")
    candidates = []
    for layer in layers:
        for share in shares:
            scale = round(share * residual_norms(model)[layer] / float(vector[layer].norm()), 4)
            plan = apply(vector, layer, scale, tokens=Tokens("response"))
            mean = values_of(Arm(model, plan), PARTS.validation, "text").mean()
            candidates.append((layer, scale, mean, kl_at(model, [plan])[0]))
    return candidates


@pytest.mark.parametrize(
    "options", [{}, {"layers": (1, 3), "shares": (0.1, 0.3, 3.0)}, {"layers": (1, 3), "matched_kl": 0.05}]
)
@pytest.mark.parametrize("method", ["mean-difference", "logistic"])
def test_a_stacking_study_and_a_study_of_techniques_choose_the_same(tmp_path, method, options):
    common = {"data": "planted", "position": "response", **options}
    stack = Stack(method=method, nulls=0, finetunes=(), few_shot=None, **common)
    result = stack.run(planted_model(), data=PARTS, folder=tmp_path)
    (one,) = Efficiency(techniques=(method,), nulls=False, **common).treated("agreeing")
    record = one.fit(planted_model(), PARTS.train, PARTS.validation, "text", 0).record
    assert record["layers"] == [result.choice.layer]
    assert record["scale"] == pytest.approx(result.choice.scale)
    assert record["rule"] == result.choice.rule
    tried = [(entry["layer"], entry["scale"], entry["log_odds"]) for entry in record["tried"]]
    assert len(tried) > 1
    for ours, theirs in zip(tried, result.choice.tried, strict=True):
        assert ours == pytest.approx((*theirs.candidate.layers, theirs.candidate.scale, theirs.log_odds), abs=1e-5)


def test_their_defaults_are_the_same_candidates():
    model = planted_model()
    default = [(layer, scale) for layer, scale, *_ in plain_loop(candidate_layers(model.n_layers), SHARES)]
    assert [(entry["layer"], pytest.approx(entry["scale"])) for entry in fitted().record["tried"]] == default
    for field in ("layers", "shares", "matched_kl", "tokens", "score", "seed"):
        assert Stack.model_fields[field].default == Efficiency.model_fields[field].default


@pytest.mark.parametrize("shares", [(0.1, 0.3), (0.1, 0.3, 3.0), (3.0, 6.0)])
def test_the_choice_is_that_of_a_loop_over_the_candidates_that_promise_most(shares):
    candidates = plain_loop((1, 2, 3), shares)
    record = fitted(layers=(1, 2, 3), shares=shares).record
    tried = record["tried"]
    assert [(one["layer"], pytest.approx(one["scale"])) for one in tried] == [one[:2] for one in candidates]
    left = sorted(range(len(tried)), key=lambda place: -tried[place]["promise"])
    places = []
    while left and not any(candidates[place][3] <= KL_BUDGET for place in places):
        places, left = places + left[:FEW], left[FEW:]
    affordable = [candidates[place] for place in places if candidates[place][3] <= KL_BUDGET]
    layer, scale, _, _ = max(affordable, key=lambda one: one[2]) if affordable else min(
        candidates, key=lambda one: one[3])  # fmt: skip
    assert (record["layer"], record["scale"]) == (layer, pytest.approx(scale))
    assert record["within_kl_budget"] == bool(affordable) == (shares[0] < 3)
    assert record["choices_tried"] == len(candidates)
    for place, (entry, (*_, mean, cost)) in enumerate(zip(tried, candidates, strict=True)):
        assert (entry["log_odds"] is not None) == (place in places)
        assert entry["log_odds"] in (None, pytest.approx(mean, abs=1e-5))
        assert entry["kl"] in (None, pytest.approx(cost, rel=1e-3))


def test_a_promise_is_the_effect_of_a_weak_vector():
    """To first order: a thousandth of the strength gives a thousandth of what is promised."""
    weak = 1e-3
    record = fitted(layers=(1, 2, 3), shares=(weak, 2 * weak)).record
    bare = values_of(Arm(planted_model()), PARTS.validation, "text").mean()
    for entry, (*_, mean, _) in zip(record["tried"], plain_loop((1, 2, 3), (weak, 2 * weak)), strict=True):
        assert entry["promise"] == pytest.approx(mean - bare, rel=0.05, abs=2e-6)


@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([0.0, 0.1, 0.3, 0.31, 1.0, 2.0])), min_size=1))
def test_the_rule_holds_for_any_scores_and_costs(given_to):
    """The largest mean among those within the budget; the cheapest where none is; of equals the first."""
    candidates = [Candidate((place,), 1.0, 0.1) for place in range(len(given_to))]
    costed = []

    def cost(one):
        costed.append(one)
        return given_to[one.layers[0]][1]

    choice = choose(candidates, lambda of: [given_to[one.layers[0]][0] for one in of], cost)
    best = None
    for candidate, (mean, kl) in zip(candidates, given_to, strict=True):
        if kl <= KL_BUDGET and (best is None or mean > given_to[best.layers[0]][0]):
            best = candidate
    cheapest = candidates[min(range(len(given_to)), key=lambda place: given_to[place][1])]
    assert choice.candidate == (best or cheapest)
    assert choice.within_budget == (best is not None)
    assert len(costed) == len(set(costed))  # none twice
    assert [one.candidate for one in choice.tried] == candidates
    assert [(one.log_odds, one.kl) for one in choice.tried] == [
        (mean, kl if one in costed else None) for one, (mean, kl) in zip(candidates, given_to, strict=True)
    ]
    if best is not None:  # what was not costed is no better than what was chosen
        assert all(one.kl is not None or one.log_odds <= given_to[best.layers[0]][0] for one in choice.tried)


def test_at_a_kl_of_ones_own_nothing_is_too_dear():
    def refuse(_):
        raise AssertionError("a cost was asked for")

    candidates = [Candidate((layer,), 1.0, 0.1) for layer in range(3)]
    choice = choose(candidates, lambda _: [1.0, 3.0, 2.0], refuse, kl=5.0)
    assert (choice.layer, choice.within_budget) == (1, True)
    assert "5 nats" in choice.rule


@pytest.mark.parametrize(("layers", "middle"), [((0, 1, 3), 1), ((3, 2), 2), ((1,), 1)])
def test_without_validation_it_is_the_middle_layer_and_the_first_strength(layers, middle):
    one = technique("mean-difference", position="response", layers=layers, shares=(0.3, 0.1))
    record = one.fit(planted_model(), PARTS.train, None, "text", 0).record
    (scale,) = (scale for layer, scale, *_ in plain_loop((middle,), (0.3,)))
    assert (record["layer"], record["scale"]) == (middle, pytest.approx(scale))
    assert "no validation items" in record["rule"]
    assert all(entry["log_odds"] is entry["kl"] is None for entry in record["tried"])


@pytest.mark.parametrize("score", [None, lambda tried: [0.0 for _ in tried]])
def test_nothing_to_choose_from_is_said(score):
    with pytest.raises(StudyError, match="no layer and strength to choose from"):
        choose([], score, lambda candidate: 0.0)
