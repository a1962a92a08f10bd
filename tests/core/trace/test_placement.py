"""Device maps, offloaded and quantized weights: the same numbers, and a memory plan that knows what is where."""

import importlib.util
from types import SimpleNamespace

import pytest
import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module
from torch import nn
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from steerstack.engine.resources import memory
from steerstack.engine.score import score
from steerstack.errors import ModelError, RemoteError
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.testing.models import WIDTH, tiny_model, tiny_tokenizer
from steerstack.trace import load as loading
from steerstack.trace import placement
from steerstack.trace.open import open_model
from steerstack.trace.trainable import clone
from steerstack.util import digest

SEQUENCE = TokenSequence((5, 9, 2, 77, 130, 8, 61), 3, 5)
PLAN = Plan((Add(Site("resid_post", 2), torch.linspace(-1, 1, WIDTH), 3.0, selection=Tokens("all")),))
OFFLOADED = {
    "model.embed_tokens": "cpu", "model.layers.0": "cpu", "model.layers.1": "cpu", "model.layers.2": "disk",
    "model.layers.3": "disk", "model.norm": "cpu", "model.rotary_emb": "cpu", "lm_head": "cpu",
}  # fmt: skip
CPU = torch.device("cpu")


def scores(model):
    return [arm.tokens for arm in score(model, [[SEQUENCE]], [Plan(), PLAN])]


@pytest.mark.parametrize("placed", [{"device_map": "cpu"}, {"device_map": {"": "cpu"}}, {"device": "auto"}])
def test_device_maps_are_passed_on(tiny_folder, placed, monkeypatch):
    plain, load, arguments = open_model(tiny_folder), AutoModelForCausalLM.from_pretrained, []
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", lambda *a, **k: arguments.append(k) or load(*a, **k))
    model = open_model(tiny_folder, **placed)
    assert arguments[0]["device_map"] == next(iter(placed.values()))
    assert model.fingerprint == plain.fingerprint
    assert scores(model) == scores(plain)


def test_weights_on_disk_are_used_and_known_but_take_no_memory(tiny_folder):
    plain, model = open_model(tiny_folder), open_model(tiny_folder, device_map=OFFLOADED)
    assert any(weight.device.type == "meta" for weight in model.module.parameters())
    assert (model.device, placement.computing(model.module)) == (CPU, (CPU,))
    assert model.fingerprint == plain.fingerprint
    assert scores(model) == scores(plain)
    block = sum(weight.numel() * 4 for weight in plain.module.model.layers[2].parameters())
    assert placement.resident(plain.module)[CPU] - placement.resident(model.module)[CPU] == 2 * block
    with pytest.raises(ModelError, match="18 offloaded tensors"):
        clone(model)


def test_the_fingerprint_of_plain_weights_is_that_of_the_state(llama):
    assert llama.fingerprint == digest.of_tensors(sorted(llama.module.state_dict().items()))
    assert placement.resident(llama.module)[CPU] == sum(4 * weight.numel() for weight in llama.module.parameters())


class Packed(nn.Module):
    """Weights as bitsandbytes keeps them: whole numbers, two to a byte. Memory that is never touched takes none."""

    def __init__(self, size):
        super().__init__()
        self.embedding = nn.Embedding(4, 8)
        self.weight = nn.Parameter(torch.empty(size, dtype=torch.uint8), requires_grad=False)


def test_quantized_weights_count_by_the_bytes_that_they_take():
    size = 3 * memory.LEAST
    packed = Packed(size)
    assert placement.resident(packed)[CPU] == size + 4 * 8 * 4
    assert memory.beside(SimpleNamespace(module=packed)) == (size + 128) // 2
    assert memory.beside(SimpleNamespace(module=Packed(1 << 20))) == memory.LEAST
    with pytest.raises(ModelError, match="1 quantized tensors"):
        placement.check_trainable(packed, "packed")


def test_the_fingerprint_of_quantized_weights_is_that_before_any_pass():
    """As of bitsandbytes, which packs them anew when they are first used."""
    module = tiny_model()
    module.packed = nn.Parameter(torch.zeros(8, dtype=torch.uint8), requires_grad=False)

    def pack_anew(used, _args):
        used.packed += 1

    module.register_forward_pre_hook(pack_anew)
    before = digest.of_tensors(sorted(module.state_dict().items()))
    model = open_model(module, tokenizer=tiny_tokenizer())
    assert module.packed.any()  # opening runs it
    assert model.fingerprint == before != digest.of_tensors(sorted(module.state_dict().items()))


def test_the_fullest_device_bounds_a_pass(monkeypatch):
    """Offloaded weights, which accelerate brings to two GPUs for each pass."""
    module = nn.Sequential(*(nn.Linear(2, 2, device="meta") for _ in range(2)))
    for number, part in enumerate(module):
        add_hook_to_module(part, AlignDevicesHook(f"cuda:{number}", offload=True, weights_map={}))
    free = {"cuda:0": 8 << 30, "cuda:1": 2 << 30}
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (free[str(device)], 80 << 30))
    monkeypatch.setattr("torch.cuda.memory_reserved", lambda device: 3 << 20)
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda device: 1 << 20)
    assert placement.computing(module) == (torch.device("cuda:0"), torch.device("cuda:1"))
    assert memory.spare(SimpleNamespace(module=module)) == (2 << 30) + (2 << 20)


def test_quantizations_go_by_name(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: find_spec("json" if "bits" in name else name))
    eight, four = (loading.quantization_named(name) for name in ("8bit", "4bit"))
    assert isinstance(eight, BitsAndBytesConfig)
    assert eight.load_in_8bit
    assert (four.load_in_4bit, four.bnb_4bit_quant_type) == (True, "nf4")
    assert loading.quantization_named(eight) is eight


@pytest.mark.parametrize("asked", [{"dtype": "8bit"}, {"quantization": "4bit"}])
def test_a_missing_bitsandbytes_is_said(tiny_folder, monkeypatch, asked):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "bits" in name else find_spec(name))
    with pytest.raises(ModelError, match="needs bitsandbytes") as failure:
        open_model(tiny_folder, **asked)
    assert "pip install bitsandbytes" in failure.value.fix


def test_errors_say_what_to_do(tiny_folder):
    with pytest.raises(ModelError, match="exclude each other"):
        open_model(tiny_folder, device="cpu", device_map="auto")
    with pytest.raises(ModelError, match="no quantization '3bit'"):
        open_model(tiny_folder, quantization="3bit")
    with pytest.raises(ModelError, match="no dtype 'int8'") as failure:
        open_model(tiny_folder, dtype="int8")
    assert "8bit" in failure.value.fix
    with pytest.raises(ModelError, match="no device 'nowhere'"):
        open_model(tiny_folder, device="nowhere")
    with pytest.raises(ModelError, match="placed and quantized already"):
        open_model(tiny_model(), tokenizer=tiny_tokenizer(), quantization="8bit")
    with pytest.raises(RemoteError, match="opened by name"):
        open_model("smollm2", remote=True, quantization="8bit")
