"""Numbers that a dtype cannot hold end in one error that names arm, layer, scale and dtype, never in a table."""

import math

import pytest
import torch

from steerstack.engine.decode.generate import generate
from steerstack.engine.divergence import divergence
from steerstack.engine.overflow import check_finite, check_logits, check_scores
from steerstack.engine.score import score
from steerstack.errors import ModelError
from steerstack.steering.edits import Ablate, Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model

ANSWERS = [[TokenSequence((5, 9, 2, 77), 2, 2), TokenSequence((5, 9, 3, 70), 2, 2)]]


def opened(dtype="float32"):
    return open_model(tiny_model("llama").to(getattr(torch, dtype)), tokenizer=tiny_tokenizer())


def plan(model, scale, layer=1):
    return Plan((Add(Site("resid_post", layer), torch.ones(model.d_model), scale),))


RUNS = {
    "score": lambda model, arms: score(model, ANSWERS, arms),
    "divergence": lambda model, arms: divergence(model, [ANSWERS[0][0]], arms),
    "generate": lambda model, arms: generate(model, [TokenSequence((5, 9, 2), 2, 3)], arms),
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    ("dtype", "scale"), [("float32", 1e30), ("float32", -1e25), ("float16", 1e7), ("bfloat16", 1e30)]
)
def test_an_edit_beyond_the_dtype_is_named(run, dtype, scale):
    model = opened(dtype)
    with pytest.raises(ModelError, match="overflows") as refused:
        RUNS[run](model, [Plan(), plan(model, scale)])
    for part in ("Add", "layer 1", f"scale {scale:g}", dtype):
        assert part in str(refused.value)


@pytest.mark.parametrize("run", RUNS)
def test_a_model_whose_own_numbers_overflow_is_no_uniform_distribution(run):
    model = opened()
    with torch.no_grad():
        model.module.lm_head.weight.mul_(float("nan") if run == "divergence" else 0)
    with pytest.raises(ModelError, match="overflows under the unsteered arm"):
        RUNS[run](model, [Plan()])


@pytest.mark.parametrize("scale", [1e5, -1e9])
def test_strong_edits_that_the_dtype_holds_are_run(scale):
    model = opened()
    (scores,) = score(model, ANSWERS, [plan(model, scale)])
    assert all(math.isfinite(value) for value in scores.tokens[0][0])


def test_what_leaves_nothing_is_rightly_uniform():
    model = opened()
    (scores,) = score(model, ANSWERS, [Plan((Ablate(Site("resid_post", 3), kind="zero", selection=Tokens("all")),))])
    assert scores.tokens[0][0] == pytest.approx([-math.log(model.n_ids)] * 2)


def test_values_that_are_no_numbers():
    model = opened()
    check_scores(model, Plan(), [[[-1.0, -2.0]]])
    check_scores(model, Plan(), [[[-math.log(model.n_ids)]]])  # one value may be anything
    check_finite(model, Plan(), [0.0, 1.0], "KL divergence")
    for bad in (math.nan, -math.inf):
        with pytest.raises(ModelError, match="1 of 2"):
            check_scores(model, Plan(), [[[-1.0], [bad]]])
        with pytest.raises(ModelError, match="KL divergence"):
            check_finite(model, Plan(), [0.0, bad], "KL divergence")
    with pytest.raises(ModelError, match="all 2 log-probabilities"):
        check_scores(model, Plan(), [[[-math.log(model.n_ids)] * 2]])
    check_logits(torch.tensor([[1.0, 2.0], [0.0, -1.0]]))
    for row in ([1.0, 1.0], [math.nan, 1.0], [math.inf, 1.0]):
        with pytest.raises(FloatingPointError, match="not finite, or all the same"):
            check_logits(torch.tensor([[1.0, 2.0], row]))
