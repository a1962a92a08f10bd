"""The calibrated strength costs what was asked, as the engine and a plain computation measure it."""

import numpy as np
import pytest
import torch

from steerstack import catalog
from steerstack.applying import apply
from steerstack.errors import StudyError
from steerstack.study.matched import kl_at, scale_at
from steerstack.study.neutral import neutral_texts
from steerstack.study.techniques import technique
from steerstack.tokens import Tokens
from steerstack.vector import SteeringVector


@pytest.fixture
def vector(llama):
    generator = torch.Generator().manual_seed(0)
    return SteeringVector({layer: torch.randn(llama.d_model, generator=generator) for layer in range(4)})


def test_the_strength_costs_what_was_asked(llama, vector):
    scale = scale_at(0.05, llama, vector, 2, Tokens("response"), start=0.5)
    assert kl_at(llama, vector, 2, [scale], Tokens("response"))[0] == pytest.approx(0.05, rel=0.05)
    negative = scale_at(0.05, llama, vector, 2, Tokens("response"), start=0.5, sign=-1.0)
    assert negative < 0


def test_the_cost_is_the_plain_one(llama, vector):
    (text,) = neutral_texts(llama.format, 1)
    (edit,) = apply(vector, 2, 0.5, tokens=Tokens("response")).edits
    mine = kl_at(llama, vector, 2, [0.5], Tokens("response"), texts=1)[0]
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
    kl = (moved.exp() * (moved - plain)).sum(-1)
    places = [p - 1 for p in range(text.answer_start, len(text))]
    assert mine == pytest.approx(float(kl[places].mean()), rel=1e-3)


def test_a_cost_out_of_reach_is_refused(llama, vector):
    with pytest.raises(StudyError, match="No strength"):
        scale_at(1e6, llama, vector, 2, Tokens("response"), start=0.5)


def test_a_technique_can_be_held_at_a_cost(llama, table):
    data = catalog.load_data(table, behavior="kindness")
    fitted = technique("mean-difference", layers=(1, 2), kl=0.05).fit(llama, data.limit(8), data.limit(4), "text", 0)
    (edit,) = fitted.plan.edits
    costs = kl_at(
        llama, SteeringVector({edit.site.layer: edit.direction}), edit.site.layer, [edit.scale], Tokens("response")
    )
    assert np.isclose(costs[0], 0.05, rtol=0.1)
