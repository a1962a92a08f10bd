"""The calibrated strength costs what was asked, as the engine and a plain computation measure it."""

from functools import partial

import numpy as np
import pytest
import torch

from steerstack.catalog.data import load_data
from steerstack.catalog.lookup import find
from steerstack.engine.divergence import divergence
from steerstack.errors import StudyError
from steerstack.measure.neutral_text import neutral_texts
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply
from steerstack.techniques.strength_at_kl import TEXTS, held_at, kl_at, scale_at
from steerstack.techniques.technique import asked_by, technique


@pytest.fixture
def vector(llama):
    generator = torch.Generator().manual_seed(0)
    return SteeringVector({layer: torch.randn(llama.d_model, generator=generator) for layer in range(4)})


def test_the_strength_costs_what_was_asked(llama, vector):
    def plan_at(sign, scale):
        return apply(vector, 2, sign * scale)

    for sign in (1, -1):
        scale = scale_at(0.05, llama, partial(plan_at, sign), start=0.5)
        assert kl_at(llama, [plan_at(sign, scale)])[0] == pytest.approx(0.05, rel=0.05)


def test_a_strength_is_held_within_five_percent_on_all_texts(llama, vector):
    texts = neutral_texts(llama.format)
    scale = held_at(0.05, llama, partial(apply, vector, 2), texts, start=0.5)
    assert len(texts) > TEXTS
    assert kl_at(llama, [apply(vector, 2, scale)], texts)[0] == pytest.approx(0.05, rel=0.05)
    with pytest.raises(StudyError, match="No strength"):
        held_at(1e6, llama, partial(apply, vector, 2), texts, start=0.5)


def test_the_cost_is_the_plain_one(llama, vector):
    (text,) = neutral_texts(llama.format, 1)
    (edit,) = apply(vector, 2, 0.5, tokens=Tokens("response")).edits
    mine = kl_at(llama, [apply(vector, 2, 0.5)], [text])[0]
    ids, steered = torch.tensor([text.ids]), list(Tokens("response").positions(text))

    def hook(_module, _args, out):
        changed = out.clone()
        changed[:, steered] = edit.edit(changed[:, steered])
        return changed

    with torch.no_grad():
        plain = llama.module(ids).logits[0].log_softmax(-1)
        handle = llama.module.model.layers[2].register_forward_hook(hook)
        moved = llama.module(ids).logits[0].log_softmax(-1)
        handle.remove()
    kl, reverse = (moved.exp() * (moved - plain)).sum(-1), (plain.exp() * (plain - moved)).sum(-1)
    places = [p - 1 for p in range(text.answer_start, len(text))]
    assert mine == pytest.approx(float(kl[places].mean()), rel=1e-3)
    (cost,) = divergence(llama, [text], [apply(vector, 2, 0.5)])
    assert cost.reverse[0] == pytest.approx(float(reverse[places].mean()), rel=1e-3)


def test_a_cost_out_of_reach_is_refused(llama, vector):
    with pytest.raises(StudyError, match="No strength"):
        scale_at(1e6, llama, partial(apply, vector, 2), start=0.5)


def test_a_technique_can_be_held_at_a_cost(llama, table):
    data = load_data(table, behavior="kindness")
    fitted = technique("mean-difference", layers=(1, 2), kl=0.05).fit(llama, data.limit(8), data.limit(4), "text", 0)
    assert np.isclose(kl_at(llama, [fitted.arm.plan])[0], 0.05, rtol=0.1)


@pytest.mark.parametrize(("given", "follows"), [({}, True), ({"mode": "letter"}, False)])
def test_a_baseline_asks_as_its_study_does_unless_told_how(given, follows):
    few = find("baseline", "few-shot").make(given)
    assert asked_by(few, "yes-no").mode == ("yes-no" if follows else "letter")
    sampled = find("baseline", "grpo").make(given)  # a reward of labels asks for one all the same: see mode_for
    assert asked_by(sampled, "yes-no").mode == ("yes-no" if follows else "letter")
