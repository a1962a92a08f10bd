"""KL-then-steer: the loss is that of a loop written out, its edits are counted, and a scale of 0 is plain training."""

import json

import pytest
import torch
from torch.nn.functional import cross_entropy

from steerstack.contracts import SteerAfterTraining
from steerstack.data.questions import ask
from steerstack.errors import ParameterError
from steerstack.steering.vector import SteeringVector
from steerstack.testing import planted_data, planted_model
from steerstack.trace.trainable import clone
from steerstack_plugins.baselines.dpo import DPO
from steerstack_plugins.baselines.full_sft import FullSFT
from steerstack_plugins.baselines.lora_sft import LoraSFT

TRAIN, VALIDATION = planted_data(3), planted_data(2, first=5)
BENIGN = ("It rained all day.", "Bread wants time, and a warm place to rise.")
LAYER, SCALE, WEIGHT = 1, 0.5, 2.0


def vector():
    generator = torch.Generator().manual_seed(0)
    return SteeringVector({LAYER: torch.randn(32, generator=generator)})


def given(scale=SCALE, **how):
    return SteerAfterTraining(vector=vector(), layers=(LAYER,), scale=scale, benign=BENIGN, weight=WEIGHT, **how)


def tune(baseline, train_with):
    made = baseline(epochs=2, batch=4, learning_rate=1e-3, train_with=train_with)
    return made.tune(planted_model(), TRAIN, VALIDATION, seed=0)


def by_hand():
    """Two steps of AdamW on the whole set, text by text, and the loss before each."""
    bare, module = planted_model().module, clone(planted_model()).requires_grad_(True).train()
    format = planted_model().format
    texts = [question.exhibits for question in ask(format, TRAIN, "text")]
    answers = sum(len(text) - text.answer_start for text in texts)
    optimiser = torch.optim.AdamW(module.parameters(), weight_decay=0.0)
    losses = []
    for step in range(2):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * (1 - step / 2)
        loss = 0.0
        for place, text in enumerate(texts):
            logits = module(torch.tensor([text.ids])).logits[0, text.answer_start - 1 : -1]
            answer = torch.tensor(text.ids[text.answer_start :])
            benign = torch.tensor([format.plain(BENIGN[place % 2]).ids])
            hook = module.model.layers[LAYER].register_forward_hook(lambda _m, _a, out: out + SCALE * vector()[LAYER])
            steered = module(benign).logits[0].log_softmax(-1)
            hook.remove()
            with torch.no_grad():
                plain = bare(benign).logits[0].log_softmax(-1)
            kl = sum((p.exp() * (p - q)).sum() for p, q in zip(steered, plain, strict=True)) / benign.shape[1]
            loss = loss + len(answer) * (cross_entropy(logits, answer) + WEIGHT * kl) / answers
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


def test_the_loss_is_that_of_a_loop_written_out_and_every_benign_token_is_edited():
    record = tune(FullSFT, given()).record
    assert record["loss_by_step"] == pytest.approx(by_hand(), abs=1e-3)
    tokens = [len(planted_model().format.plain(BENIGN[place % 2])) for place in range(3)]
    assert record["edited_rows"] == record["training_tokens"] == 2 * sum(tokens)  # two epochs
    assert record["train_with"]["benign"].startswith("2 texts ")
    json.dumps(record)


def test_a_scale_of_zero_is_plain_training_to_the_bit():
    plain, zero, steered = (tune(LoraSFT, one) for one in (None, given(0.0), given(tokens="response")))
    assert zero.record["loss_by_step"] == plain.record["loss_by_step"] != steered.record["loss_by_step"]
    assert zero.model.fingerprint == plain.model.fingerprint
    assert "edited_rows" not in zero.record
    assert zero.flops == plain.flops < steered.flops


def test_texts_are_read_at_once_and_are_part_of_the_key(tmp_path):
    file = tmp_path / "benign.txt"
    file.write_text("It rained all day.\n\n\n Bread wants time,\nand a warm place. \n", encoding="utf-8")
    value = {"kind": "kl-then-steer", "vector": vector(), "layers": [LAYER], "scale": "-1", "benign": str(file)}
    first = LoraSFT.make({"train_with": value})
    assert first.train_with.benign == ("It rained all day.", "Bread wants time,\nand a warm place.")
    assert first.label == "lora-sft+kl-then-steer"
    file.write_text("It snowed all day.", encoding="utf-8")
    assert LoraSFT.make({"train_with": value}).parameters() != first.parameters()


@pytest.mark.parametrize(
    ("baseline", "fields"),
    [
        (DPO, {"benign": BENIGN}),
        (LoraSFT, {}),
        (LoraSFT, {"benign": "nowhere.txt"}),
        (LoraSFT, {"benign": [" "]}),
        (LoraSFT, {"benign": [1]}),
        (LoraSFT, {"benign": BENIGN, "weight": 0}),
    ],
)
def test_what_makes_no_sense_is_refused(baseline, fields):
    value = {"kind": "kl-then-steer", "vector": vector(), "layers": [LAYER], **fields}
    with pytest.raises(ParameterError):
        baseline.make({"train_with": value})
