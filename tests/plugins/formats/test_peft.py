"""Vectors as LoRA biases: a model with the adapter that peft loads says what the steered model says."""

import json
import warnings

import pytest
import torch
from tests.plugins.formats.foreign import IDS, chosen, close, ours, rows

from steerstack.errors import VectorError
from steerstack.exchange.formats import read_vector, write_vector
from steerstack.steering.vector import SteeringVector
from steerstack.testing.models import tiny_model


def adapted(kind, folder):
    from peft import PeftModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the maps of Llama have no bias, so that it cannot be merged
        model = PeftModel.from_pretrained(tiny_model(kind), str(folder)).eval()
    with torch.no_grad():
        return chosen(model(torch.tensor([IDS])).logits)


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2", "gpt_neox", "phi"])
@pytest.mark.parametrize("component", ["resid_post", "mlp_out", "attn_out"])
def test_steered_by_peft_as_by_us(tiny, tmp_path, kind, component):
    vector = SteeringVector(rows(1, 2), component)
    write_vector(vector, tmp_path / "adapter", "peft", model=tiny(kind))
    assert close(ours(tiny(kind), vector), adapted(kind, tmp_path / "adapter"))
    again = read_vector(tmp_path / "adapter")
    assert again.component == ("attn_out" if component == "attn_out" else "mlp_out")
    assert close(ours(tiny(kind), vector), ours(tiny(kind), again))


def test_a_norm_after_the_sublayer_would_change_the_bias(tiny, tmp_path):
    with pytest.raises(VectorError, match="gemma2 cannot be written"):
        write_vector(SteeringVector(rows(1)), tmp_path / "adapter", "peft", model=tiny("gemma2"))
    with pytest.raises(VectorError, match="unknown cannot be written"):
        write_vector(SteeringVector(rows(1)), tmp_path / "adapter", "peft")


def test_an_adapter_that_does_more_is_refused(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    write_vector(SteeringVector(rows(1)), tmp_path / "adapter", "peft", model=tiny("llama"))
    weights = tmp_path / "adapter" / "adapter_model.safetensors"
    save_file({name: tensor + 1 for name, tensor in load_file(weights).items()}, weights)
    with pytest.raises(VectorError, match="more than add"):
        read_vector(tmp_path / "adapter")


def test_the_scaling_of_an_adapter_counts(tiny, tmp_path):
    vector = SteeringVector(rows(1))
    write_vector(vector, tmp_path / "adapter", "peft", model=tiny("llama"))
    config = tmp_path / "adapter" / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "lora_alpha": 3}))
    assert close(ours(tiny("llama"), vector, 3.0), adapted("llama", tmp_path / "adapter"))
    assert torch.allclose(read_vector(tmp_path / "adapter")[1], 3 * vector[1])
