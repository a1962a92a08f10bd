"""What is given as a model, and is none: an adapter, a file, a device that is not there, weights that need a package."""

import json
import os

import pytest
import torch
from peft import LoraConfig, get_peft_model

from steerstack.errors import ModelError
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model
from steerstack.trace.source.kinds import check_device, check_source, quantized_by, too_large


@pytest.fixture
def folder(tmp_path):
    tiny_model("llama").save_pretrained(tmp_path / "model")
    tiny_tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_an_adapter_is_named_with_its_base_model(tmp_path):
    wrapped = get_peft_model(tiny_model("llama"), LoraConfig(task_type="CAUSAL_LM", target_modules=["q_proj"]))
    wrapped.save_pretrained(tmp_path)
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": "org/base"}))
    with pytest.raises(ModelError, match="is an adapter, not a model") as refused:
        open_model(tmp_path)
    assert "org/base" in refused.value.seen
    file.write_text("{")
    with pytest.raises(ModelError, match="unknown"):
        check_source(str(tmp_path))


def test_files_that_are_no_model(tmp_path):
    (tmp_path / "d.csv").write_text("question,not\n")
    (tmp_path / "x.gguf").write_bytes(b"GGML....")
    os.mkfifo(tmp_path / "pipe.gguf")
    for name in ("d.csv", "x.gguf", "pipe.gguf"):
        with pytest.raises(ModelError, match="is no model"):
            open_model(tmp_path / name)
    (tmp_path / "cut.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    with pytest.raises(ModelError, match="could not be loaded"):
        open_model(tmp_path / "cut.gguf")


@pytest.mark.parametrize("method", ["gptq", "awq", "hqq", "aqlm"])
def test_quantized_weights_whose_package_is_missing_are_named_by_their_method(folder, method):
    file = folder / "config.json"
    about = {
        "quant_method": method,
        "bits": 4,
        "group_size": 32,
        "version": "gemm",
        "zero_point": True,
        "desc_act": False,
    }
    file.write_text(json.dumps(json.loads(file.read_text()) | {"quantization_config": about}))
    assert quantized_by(str(folder))[0] == method
    with pytest.raises(ModelError) as refused:
        open_model(folder)
    assert method in str(refused.value)


@pytest.mark.parametrize("config", ["{", "[]", '{"quantization_config": 1}', "{}"])
def test_configs_that_do_not_say(tmp_path, config):
    (tmp_path / "config.json").write_text(config)
    assert quantized_by(str(tmp_path)) == ("", "")


@pytest.mark.parametrize("device", ["banana", "cpu:x:1", "xpu", "mps", "cuda:99", "auto:1"])
def test_devices_that_are_not_there(device):
    with pytest.raises(ModelError, match="There is no device"):
        check_device(device)


def test_devices_that_are_there(folder):
    for device in (None, "cpu", "auto", "balanced"):
        check_device(device)
    assert open_model(folder, device="cpu").device.type == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="There is no device 'cuda'"):
            open_model(folder, device="cuda")
        with pytest.raises(ModelError, match="There is no device 'cuda'"):
            open_model(tiny_model("llama"), tokenizer=tiny_tokenizer(), device="cuda")


def test_what_does_not_fit_says_what_would(folder):
    error = too_large(str(folder), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert "4bit" in str(error)
    assert "Tried to allocate" in error.seen
