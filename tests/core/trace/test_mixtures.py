"""Mixtures of experts: ``mlp_out`` is their sum after routing, and edits touch the positions that they count."""

from dataclasses import dataclass, field
from typing import final

import pytest
import torch
from torch import Tensor

from steerstack.catalog.data import load_data
from steerstack.data.prompts import Prompt
from steerstack.engine.score import score
from steerstack.steering.intervention import Plan, SelectiveIntervention
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.extract import extract
from steerstack.testing.architectures import small_config, small_model
from steerstack.testing.models import tiny_tokenizer
from steerstack.testing.naive import naive_score
from steerstack.trace.open import open_model

MIXTURES = {"mixtral": {"sliding_window": 100}, "qwen3_moe": {}, "gpt_oss": {"sliding_window": 100}}
SUM = "the sum of the experts after routing"


@final
@dataclass(frozen=True, eq=False)
class _Tally(SelectiveIntervention):
    """Adds a direction, and keeps how many positions it was given."""

    direction: Tensor
    given: list[int] = field(default_factory=list)

    def edit(self, hidden):
        self.given.append(hidden.reshape(-1, hidden.shape[-1]).shape[0])
        return hidden + self.direction


@pytest.fixture(scope="module", params=sorted(MIXTURES))
def model(request):
    config = small_config(request.param)
    for name, value in MIXTURES[request.param].items():
        setattr(config, name, value)
    return open_model(small_model(config), tokenizer=tiny_tokenizer())


def test_mlp_out_is_what_the_block_adds_after_its_attention(model):
    before, after, read = [], [], []
    block = model.module_at(Site("resid_post", 1))
    hooks = [
        block.post_attention_layernorm.register_forward_pre_hook(lambda _m, args: before.append(args[0])),
        block.register_forward_hook(lambda _m, _a, out: after.append(out[0] if isinstance(out, tuple) else out)),
        model.module_at(Site("mlp_out", 1)).register_forward_hook(
            lambda _m, _a, out: read.append(out[0] if isinstance(out, tuple) else out)
        ),
    ]
    with torch.no_grad():
        model.module(torch.arange(1, 9)[None])
    for hook in hooks:
        hook.remove()
    torch.testing.assert_close(before[0] + read[0].reshape(before[0].shape), after[0])


@pytest.mark.parametrize("component", ["resid_post", "mlp_out"])
@pytest.mark.parametrize("tokens", ["all", "response"])
def test_counted_positions_are_those_that_were_edited(model, component, tokens):
    score(model, [model.format.answers(Prompt("Is it?"), ["yes", "no"])], [Plan()])  # the proof runs before the count
    edit = _Tally(Site(component, 1), direction=torch.ones(model.d_model), selection=Tokens(tokens))
    plan = Plan((edit,))
    groups = [model.format.answers(Prompt(text), ["yes, it is"]) for text in ("Is it?", "Is he?")]
    model.check_plan(plan)
    tried = len(edit.given)  # on numbers of its own, before each run
    edit.given.clear()
    result = score(model, groups, [Plan(), plan])[1]
    expected = sum(len(one) - 1 - (one.response_start if tokens == "response" else 0) for (one,) in groups)
    assert result.edited.positions == sum(edit.given[tried:]) == expected
    for scores, group in zip(result.tokens, groups, strict=True):
        for value, sequence in zip(scores, group, strict=True):
            assert value == pytest.approx(naive_score(model, sequence, plan), abs=1e-4)


def test_a_vector_read_there_says_so(model, table, tmp_path):
    data = load_data(table).limit(2)
    vector = extract(model, data, "mean-difference", component="mlp_out", layers=[1])
    assert vector.origin.reads == SUM
    assert f"mlp_out ({SUM})" in repr(vector)
    assert f"mlp_out ({SUM})" in vector._repr_html_()
    vector.save(tmp_path / "v.safetensors")
    again = SteeringVector.load(tmp_path / "v.safetensors")
    assert again.header()["reads"] == (again * 2).origin.reads == (again + again).origin.reads == SUM
    assert "reads" not in extract(model, data, "mean-difference", layers=[1]).header()


def test_a_dense_sublayer_says_nothing(llama, table):
    assert extract(llama, load_data(table).limit(2), "mean-difference", component="mlp_out").origin.reads == ""
