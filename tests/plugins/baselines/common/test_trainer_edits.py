"""What is in place in training only: against a plain loop with a forward hook, and counted."""

import json
from functools import cache

import pytest
import torch
import yaml
from torch.nn.functional import cross_entropy

from steerstack.contracts import AblateInTraining, AddInTraining, PromptInTraining
from steerstack.data.questions import ask
from steerstack.data.splits import split
from steerstack.errors import ModelError, ParameterError, SiteError, VectorError
from steerstack.steering.vector import SteeringVector
from steerstack.study.stack.study import Stack
from steerstack.techniques.fine_tunes import weights_of
from steerstack.testing import planted_data, planted_model
from steerstack.trace.trainable import clone
from steerstack_plugins.baselines.common.trainer_edits import TrainerEdits
from steerstack_plugins.baselines.dpo import DPO
from steerstack_plugins.baselines.full_sft import FullSFT
from steerstack_plugins.baselines.lora_sft import LoraSFT

TRAIN, VALIDATION = planted_data(5), planted_data(3, first=5)
LAYERS = (1, 2)


def vector(component="resid_post", seed=0, width=32):
    generator = torch.Generator().manual_seed(seed)
    return SteeringVector({layer: torch.randn(width, generator=generator) for layer in range(4)}, component)


def tune(baseline, train_with=None, **parameters):
    made = baseline(epochs=2, batch=8, learning_rate=1e-3, train_with=train_with, **parameters)
    return made.tune(planted_model(), TRAIN, VALIDATION, seed=0)


@cache
def plain_sft():
    return tune(FullSFT)


def texts_of(data=TRAIN, system=None):
    return [question.exhibits for question in ask(planted_model().format, data, "text", system=system)]


def weights(tuned):
    return torch.cat([parameter.flatten() for parameter in tuned.model.module.parameters()])


def loss_under(module, texts, change=None):
    """Mean cross-entropy of the answers, each text run alone, with the outputs of some blocks changed by a hook."""
    hooks = [
        module.model.layers[layer].register_forward_hook(lambda _m, _a, out, layer=layer: change(layer, out))
        for layer in LAYERS
        if change
    ]
    total, tokens = 0.0, 0
    for text in texts:
        logits = module(torch.tensor([text.ids])).logits[0]
        answer = torch.tensor(text.ids[text.answer_start :])
        total = total + cross_entropy(logits[text.answer_start - 1 : -1], answer, reduction="sum")
        tokens += len(answer)
    for hook in hooks:
        hook.remove()
    return total / tokens


def by_hand(texts, change=None):
    """AdamW on that loss, two steps of the whole set, and the losses before each."""
    module = clone(planted_model()).requires_grad_(True).train()
    optimiser = torch.optim.AdamW(module.parameters(), weight_decay=0.0)
    losses = []
    for step in range(2):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * (1 - step / 2)
        loss = loss_under(module, texts, change)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, loss_under(module, texts_of(VALIDATION)).item()


def added(layer, hidden):
    return hidden + 0.5 * vector()[layer]


def projected(layer, hidden):
    unit = vector()[layer] / vector()[layer].norm()
    return hidden - (hidden @ unit)[..., None] * unit


@pytest.mark.parametrize(
    ("train_with", "change"),
    [
        (AddInTraining(vector=vector(), layers=LAYERS, scale=0.5), added),
        (AblateInTraining(vector=vector(), layers=LAYERS), projected),
        (PromptInTraining(system="Say what you never would."), None),
    ],
    ids=lambda one: getattr(one, "kind", ""),
)
def test_it_is_a_plain_loop_with_a_forward_hook_and_validation_is_without(train_with, change):
    tuned = tune(FullSFT, train_with)
    losses, held = by_hand(texts_of(system=train_with.preface), change)
    plain = plain_sft().record["loss_by_step"]
    assert tuned.record["loss_by_step"] == pytest.approx(losses, abs=1e-3)
    assert abs(tuned.record["loss_by_step"][0] - plain[0]) > 2e-3
    assert tuned.record["validation_loss_by_epoch"][-1] == pytest.approx(held, abs=1e-3)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in tuned.model.module.modules())


@pytest.mark.parametrize(("baseline", "passes"), [(FullSFT, 1), (LoraSFT, 1), (DPO, 2)])
def test_a_scale_of_zero_is_plain_training_to_the_bit(baseline, passes):
    plain, zero = tune(baseline), tune(baseline, AddInTraining(vector=vector(), layers=LAYERS, scale=0.0))
    assert torch.equal(weights(zero), weights(plain))
    assert zero.record["loss_by_step"] == plain.record["loss_by_step"]
    asked = ask(planted_model().format, TRAIN, "text")
    texts = [side for question in asked for side in (question.pair if baseline is DPO else [question.exhibits])]
    assert zero.record["training_tokens"] == 2 * passes * sum(map(len, texts))  # two epochs
    assert zero.record["edited_rows"] == len(LAYERS) * zero.record["training_tokens"]


@pytest.mark.parametrize(
    ("component", "tokens"), [("attn_out", "all"), ("mlp_out", "prompt"), ("head_out", "response")]
)
def test_the_edited_rows_are_the_training_tokens(component, tokens):
    texts = texts_of()
    part = {
        "all": sum(map(len, texts)),
        "prompt": sum(text.response_start for text in texts),
        "response": sum(len(text) - text.response_start for text in texts),
    }
    record = tune(LoraSFT, AddInTraining(vector=vector(component), layers=LAYERS, tokens=tokens)).record
    assert record["edited_rows"] == 2 * len(LAYERS) * part[tokens]
    assert record["training_tokens"] == 2 * part["all"]
    assert record["loss_by_step"][0] != pytest.approx(plain_sft().record["loss_by_step"][0], abs=1e-6)
    json.dumps(record)


def batch_of(texts):
    """Two texts as one batch, filled up on the left."""
    width = max(map(len, texts))
    ids = torch.tensor([[0] * (width - len(text)) + list(text.ids) for text in texts])
    return ids, torch.tensor([[0] * (width - len(text)) + [1] * len(text) for text in texts])


class Pass(torch.nn.Module):
    """Runs a module on a batch, and hands the batch on."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, batch):
        self.module(input_ids=batch[0], attention_mask=batch[1])
        return batch


def test_rows_that_differ_from_the_tokens_are_an_error():
    texts, module = texts_of()[:2], clone(planted_model())
    ids, mask = batch_of(texts)
    edits = TrainerEdits(AddInTraining(vector=vector(), layers=(1,)), planted_model(), texts)
    with edits.attached(module):
        with edits.step(ids, mask):
            module(input_ids=ids, attention_mask=mask)
        assert edits.rows == int(mask.sum())
        module(input_ids=ids, attention_mask=mask)  # outside a step: a look at validation items, say
        with pytest.raises(ModelError, match="edited other activations"), edits.step(ids, mask):
            pass
        twice = torch.nn.Sequential(Pass(module), Pass(module))
        with pytest.raises(ModelError, match="edited other activations"), edits.step(ids, mask):
            twice((ids, mask))
        with pytest.raises(ModelError, match="none of those to be trained on"), edits.step(ids + 1, mask):
            module(input_ids=ids + 1, attention_mask=mask)
    assert edits.rows == 3 * int(mask.sum())
    with pytest.raises(ModelError, match="Training edited other"):
        edits.check(1)


def test_ablation_leaves_no_gradient_along_the_direction():
    texts, module = texts_of()[:2], clone(planted_model()).requires_grad_(True)
    ids, mask = batch_of(texts)
    edits = TrainerEdits(AblateInTraining(vector=vector(), layers=(1,)), planted_model(), texts)
    seen = []
    hook = module.model.layers[1].register_forward_hook(lambda _m, _a, out: out.register_hook(seen.append) and None)
    with edits.attached(module), edits.step(ids, mask):  # its hook comes after ours: ours sees what it is given
        module(input_ids=ids, attention_mask=mask).logits.square().mean().backward()
    hook.remove()
    gradient, unit = seen[0][mask.bool()], vector()[1] / vector()[1].norm()
    along, whole = (gradient @ unit).abs().max(), gradient.norm(dim=-1).max()
    assert whole > 0
    assert along < 1e-5 * whole


def test_it_is_part_of_the_key_by_content_and_plain_training_keeps_its_own(tmp_path):
    file = tmp_path / "v.safetensors"
    vector().save(file)
    value = {"kind": "preventative", "vector": str(file), "layers": [1], "scale": "2"}
    first = LoraSFT.make({"train_with": value})
    assert first.parameters() == LoraSFT.make({"train_with": {**value, "vector": file}}).parameters()
    assert first.parameters()["train_with"]["vector"] == f"vector {vector().fingerprint}"
    assert first.label == "lora-sft+preventative"
    vector(seed=1).save(file)
    assert LoraSFT.make({"train_with": value}).parameters() != first.parameters()
    assert "train_with" not in LoraSFT().parameters()
    assert LoraSFT().label == "lora-sft"


def test_a_study_file_names_it_and_its_weights_are_kept_apart(tmp_path):
    file = tmp_path / "v.safetensors"
    vector().save(file)
    value = {"kind": "ablate", "vector": str(file), "layers": [1, 2]}
    finetunes = ["lora-sft", {"name": "lora-sft", "train_with": value}]
    study = Stack.make({"data": "planted", "finetunes": finetunes})
    again = Stack.make({name: of for name, of in yaml.safe_load(study.to_yaml()).items() if name != "study"})
    splits = split(planted_data(12))
    for declared in (study, again):
        plain, ablated = (reference.make("baseline") for reference in declared.finetunes)
        given = LoraSFT(train_with=AblateInTraining(vector=vector(), layers=LAYERS))
        assert ablated.parameters() == given.parameters() != plain.parameters()
        places = [weights_of(one, planted_model(), splits, tmp_path, 0) for one in (plain, ablated, given)]
        assert places[1] == places[2] != places[0]


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        ({"kind": "preventive"}, ParameterError, "train_with"),
        ({"kind": "inoculation"}, ParameterError, "train_with"),
        ({"kind": "ablate", "vector": "nowhere.safetensors", "layers": [1]}, VectorError, "nowhere"),
        ({"kind": "ablate", "vector": vector(), "layers": [1, 1]}, ParameterError, "train_with"),
        ({"kind": "preventative", "vector": vector(), "layers": [1], "scale": float("nan")}, ParameterError, "train_"),
    ],
)
def test_what_is_not_understood_is_refused(value, error, says):
    with pytest.raises(error, match=says):
        FullSFT.make({"train_with": value})


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (AddInTraining(vector=vector(), layers=(7,)), SiteError),
        (AddInTraining(vector=vector(width=8), layers=(1,)), ModelError),
        (AddInTraining(vector=SteeringVector({1: torch.ones(32)}, edit="clamp"), layers=(1,)), ParameterError),
    ],
)
def test_what_does_not_fit_the_model_is_refused_before_training(given, error):
    with pytest.raises(error):
        tune(LoraSFT, given)
