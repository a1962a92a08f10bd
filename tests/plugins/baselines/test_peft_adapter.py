"""An adapter made elsewhere: what peft itself computes with it, and its place in a stacking study."""

import json
import shutil

import pytest
import torch
from peft import PeftModel, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tests.plugins.baselines.conftest import adapter_folder

from steerstack import Stack
from steerstack.errors import ModelError
from steerstack.testing import planted_data, planted_model
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model
from steerstack.trace.trainable import clone
from steerstack_plugins.baselines.peft_adapter import PeftAdapter

IDS = torch.tensor([[5, 9, 2, 77, 130, 8]])


def tuned(path, model=None):
    return PeftAdapter(path=path).tune(model or planted_model(), planted_data(4), planted_data(4), seed=0)


@torch.no_grad()
def test_it_is_what_peft_computes_unmerged():
    unmerged = PeftModel.from_pretrained(clone(planted_model()), str(adapter_folder()))
    result = tuned(adapter_folder())
    assert torch.allclose(result.model.module(IDS).logits, unmerged(IDS).logits, atol=1e-4)
    assert not torch.allclose(result.model.module(IDS).logits, planted_model().module(IDS).logits, atol=1e-2)
    assert result.parameters == sum(w.numel() for n, w in unmerged.named_parameters() if "lora_" in n)
    assert "not known" in result.record["caution"]


def test_its_folder_names_it_and_its_content_is_part_of_it(tmp_path):
    method, other = Stack(data="planted", finetunes=(str(adapter_folder()), "lora-sft")).finetunes
    assert (method.name, method.parameters) == ("peft-adapter", {"path": str(adapter_folder())})
    assert method.make("baseline").label == "my-adapter"
    assert other.name == "lora-sft"
    copy = shutil.copytree(adapter_folder(), tmp_path / "copy")
    before = PeftAdapter(path=copy).parameters()
    (copy / "adapter_model.safetensors").write_bytes(b"another")
    assert PeftAdapter(path=copy).parameters() != before
    with pytest.raises(ModelError, match="not the one that was asked for"):
        PeftAdapter.make(before).tune(planted_model(), planted_data(4), planted_data(4), seed=0)


def test_it_stands_in_a_stacking_study(tmp_path):
    study = Stack(
        data="planted", score="letter", layers=(1,), shares=(0.2,), nulls=1, few_shot=None,
        finetunes=(PeftAdapter(path=adapter_folder()), PeftAdapter(path=adapter_folder("second"))),
    )  # fmt: skip
    result = study.run(planted_model(), data=planted_data(24), folder=tmp_path)
    arms = {arm["finetune"] for arm in result.to_json()["arms"]}
    assert arms == {"none", "my-adapter", "second"}
    assert result.recipes["my-adapter"]["peft_type"] == "LORA"


def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(ModelError, match="not the folder of a peft adapter"):
        tuned(tmp_path)
    other = open_model(tiny_model("gpt2"), tokenizer=tiny_tokenizer())
    with pytest.raises(ModelError, match="cannot be merged") as failure:
        tuned(adapter_folder(), other)
    assert "base model" in failure.value.fix
    wrapped = get_peft_model(clone(planted_model()), PromptTuningConfig(num_virtual_tokens=2, task_type="CAUSAL_LM"))
    wrapped.save_pretrained(str(tmp_path / "prompt"))
    assert json.loads((tmp_path / "prompt/adapter_config.json").read_text())["peft_type"] == "PROMPT_TUNING"
    with pytest.raises(ModelError, match="cannot be merged") as failure:
        tuned(tmp_path / "prompt")
    assert "changes no weights" in failure.value.seen


def renamed(folder, rename):
    """The adapter with its keys renamed; those whose new name is empty are left out."""
    shutil.copytree(adapter_folder(), folder)
    tensors = {rename(name): tensor for name, tensor in load_file(folder / "adapter_model.safetensors").items()}
    save_file({name: tensor for name, tensor in tensors.items() if name}, folder / "adapter_model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("rename", "lists"),
    [
        (lambda name: name.replace("model.layers", "model.language_model.layers"), ("missing", "language_model")),
        (lambda name: name.replace("base_model.model.", ""), ("missing", "unexpected")),
        (lambda name: name.replace(".weight", ".default.weight"), ("missing", "default")),
        (lambda name: name.replace("layers.1", "layers.9"), ("missing", "layers.9")),
        (lambda name: "" if "layers.1" in name else name, ("missing", "unexpected none")),
    ],
    ids=["wrapper", "no-prefix", "adapter-name", "other-layers", "some-left-out"],
)
@pytest.mark.filterwarnings("ignore:Adapter .* was active|Already found")
def test_weights_that_would_not_all_be_loaded_are_listed_and_refused(tmp_path, rename, lists):
    with pytest.raises(ModelError, match="would not all be loaded") as refused:
        tuned(renamed(tmp_path / "adapter", rename))
    for part in lists:
        assert part in refused.value.seen


def test_an_adapter_of_another_rank_than_its_config_says_is_refused_with_the_shapes(tmp_path):
    folder = shutil.copytree(adapter_folder(), tmp_path / "a")
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config | {"r": config["r"] + 1}))
    with pytest.raises(ModelError, match="cannot be merged") as failure:
        tuned(folder)
    assert "size mismatch for" in failure.value.seen


def test_an_adapter_that_changes_nothing_is_refused(tmp_path):
    folder = shutil.copytree(adapter_folder(), tmp_path / "zero")
    tensors = load_file(folder / "adapter_model.safetensors")
    save_file({name: tensor * 0 for name, tensor in tensors.items()}, folder / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="changes no weight"):
        tuned(folder)
