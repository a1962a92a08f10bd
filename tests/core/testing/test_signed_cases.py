"""What is planted in the world of signs: undecided, the sign in reach of adapters, and one answer in a million."""

import pytest
import torch

from steerstack.data.questions import ask
from steerstack.measure.scoring import score_data
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.testing.signed_cases import SAYS, SIGN, signed_data, signed_model
from steerstack.trace.trainable import clone


def odds(model, data, plan=None):
    (scores,) = score_data(model, data, "yes-no", [plan or Plan()])
    return scores.log_odds


def test_it_is_undecided_until_a_vector_makes_it_say_yes_whatever_the_sign():
    model, data = signed_model(seed=1), signed_data(4, signs="+-", hard="-")
    assert abs(odds(model, data)) == pytest.approx(0, abs=0.5)
    vector = torch.zeros(model.d_model)
    vector[SAYS] = 2.0
    assert odds(model, data, Plan((Add(Site("resid_post", 0), vector),))).min() > 5


def test_what_reads_the_sign_turns_round_with_it():
    model = signed_model()
    module = clone(model)
    with torch.no_grad():
        copy = module.model.layers[0].self_attn.o_proj
        copy.weight[SAYS, 0] = 1.0
        values = {}
        for question in ask(model.format, signed_data(2, signs="+-"), "yes-no"):
            prompt = torch.tensor([question.exhibits.ids[: question.exhibits.answer_start]])
            state = module(prompt, output_hidden_states=True).hidden_states[1][0, -1]
            assert abs(float(state[SIGN])) > 0.5
            values[question.item.topic] = float(state[SAYS])
    assert values["+"] > 0.5
    assert values["-"] == pytest.approx(-values["+"], rel=0.01)


def test_the_right_answer_is_one_in_a_million_where_it_is_asked_for():
    assert odds(signed_model(against=14.0), signed_data(2)) == pytest.approx(-14, abs=2)


def test_the_truth_is_always_yes_or_follows_the_sign():
    assert {item.exhibits_text for item in signed_data(4, signs="+-")} == {"Yes"}
    truth = signed_data(4, signs="+-", truth="sign")
    assert {(item.topic, item.exhibits_text) for item in truth} == {("+", "Yes"), ("-", "No")}
