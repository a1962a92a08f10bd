"""The readout of a vector against a plain computation and against the model's own logits."""

import json

import pytest
import torch
from typer.testing import CliRunner

from steerstack.cli import app
from steerstack.errors import SiteError
from steerstack.measure.logit_lens import read_vector, unembedded
from steerstack.measure.residual_norms import residual_norms
from steerstack.steering.vector import SteeringVector
from steerstack.testing.models import LAYERS, WIDTH, tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model


def uneven(architecture):
    """A tiny model whose final norm has a gain, and a shift where it can, of its own."""
    module = tiny_model(architecture)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if weight.ndim == 1 and ("norm" in name or "ln" in name):
                weight.add_(0.3 * torch.randn(weight.shape, generator=generator))
    return open_model(module, tokenizer=tiny_tokenizer())


FINAL_NORMS = {
    "llama": "model.norm", "gpt2": "transformer.ln_f", "gemma3": "model.norm", "opt": "model.decoder.final_layer_norm",
    "bloom": "transformer.ln_f", "gpt_neox": "gpt_neox.final_layer_norm",
}  # fmt: skip
DIRECTION = torch.randn(WIDTH, generator=torch.Generator().manual_seed(3)) + 0.5


def by_hand(model, architecture):
    """``W_U (g * d)``, with each family's own way to keep the gain."""
    if architecture == "gpt2":
        norm, head = model.module.transformer.ln_f, model.module.lm_head
        return head.weight @ (norm.weight * (DIRECTION - DIRECTION.mean()))
    norm, head = model.module.model.norm, model.module.lm_head
    return head.weight @ ((norm.weight + (1.0 if architecture == "gemma3" else 0.0)) * DIRECTION)


@torch.no_grad()
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3"])
def test_it_is_the_plain_computation(architecture):
    model = uneven(architecture)
    expected = by_hand(model, architecture)
    assert torch.allclose(unembedded(model, DIRECTION[None])[0], expected, atol=1e-4)
    (reading,) = read_vector(model, SteeringVector({2: DIRECTION}), [2], top=5)
    logits = expected / (residual_norms(model)[LAYERS - 1] / WIDTH**0.5)
    logits = logits - logits.mean()
    assert [token for token, _, _ in reading.promoted] == logits.topk(5).indices.tolist()
    assert [token for token, _, _ in reading.suppressed] == (-logits).topk(5).indices.tolist()
    assert reading.promoted[0][2] == pytest.approx(float(logits.max()), abs=1e-4)
    assert reading.suppressed[0][2] == pytest.approx(float(logits.min()), abs=1e-4)
    assert reading.promoted[0][1] == model.tokenizer.decode([reading.promoted[0][0]])


@torch.no_grad()
@pytest.mark.parametrize("architecture", FINAL_NORMS)
def test_a_small_push_before_the_final_norm_moves_the_logits_by_it(architecture):
    """The derivative of the model's own head, at an activation that the direction does not change the norm of."""
    model = uneven(architecture)
    norm, head = model.module.get_submodule(FINAL_NORMS[architecture]), model.module.get_output_embeddings()
    hidden = torch.randn(WIDTH, generator=torch.Generator().manual_seed(4))
    hidden -= hidden.mean()
    push = DIRECTION - DIRECTION.mean()
    push -= (push @ hidden) / (hidden @ hidden) * hidden  # along the activation a norm lets nothing through
    step = 1e-2
    moved = (head(norm(hidden + step * push)) - head(norm(hidden - step * push))) / (2 * step)
    expected = unembedded(model, push[None])[0] / hidden.square().mean().sqrt()
    assert torch.allclose(moved, expected, atol=2e-3)


def test_directions_of_heads_go_through_their_projection(llama):
    heads = SteeringVector({1: DIRECTION}, "head_out")
    output = llama.module.model.layers[1].self_attn.o_proj.weight @ DIRECTION
    same = read_vector(llama, SteeringVector({1: output}), [1])[0]
    assert [row[0] for row in read_vector(llama, heads, [1])[0].promoted] == [row[0] for row in same.promoted]
    with pytest.raises(SiteError):
        read_vector(llama, heads, [2])


def test_a_token_s_own_row_stands_out_from_random_directions(llama):
    head, gain = llama.module.lm_head.weight, llama.module.model.norm.weight
    vector = SteeringVector({3: (head[42] / gain).clone()})
    (reading,) = read_vector(llama, vector, [3], top=1)
    assert reading.promoted[0][0] == 42
    assert reading.promoted[0][2] > 1.5 * reading.random_top


def test_the_command(tiny_folder, tmp_path):
    path = tmp_path / "v.safetensors"
    SteeringVector({1: DIRECTION, 2: -DIRECTION}).save(path)
    command = ["vectors", "show", str(path), "--model", str(tiny_folder), "--top", "3"]
    shown = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    one, other = shown["readout"]["layers"]
    assert [row["id"] for row in one["promoted"]] == [row["id"] for row in other["suppressed"]]
    assert "linear readout" in shown["readout"]["limits"]
    result = CliRunner().invoke(app, [*command, "--layers", "2"])
    assert "most promoted" in result.stdout
    assert "later layers" in result.output
