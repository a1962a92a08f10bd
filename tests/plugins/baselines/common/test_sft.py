"""Fine-tuning against trl and peft used by hand, against plain torch, and against the engine's scores."""

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig
from torch.nn.functional import cross_entropy
from trl import SFTConfig, SFTTrainer

from steerstack.data.questions import ask
from steerstack.engine.score import score
from steerstack.steering.intervention import Plan
from steerstack.testing import planted_data, planted_model, tiny_tokenizer
from steerstack.testing.planted import swapped
from steerstack.trace.trainable import clone
from steerstack_plugins.baselines.common.isolation import undisturbed
from steerstack_plugins.baselines.full_sft import FullSFT
from steerstack_plugins.baselines.lora_sft import LoraSFT

TRAIN, VALIDATION = planted_data(7), planted_data(4, first=7)


def texts_of(data, model=None):
    return [question.exhibits for question in ask((model or planted_model()).format, data, "text")]


def cross_entropy_of(module, texts):
    """Mean over all answer tokens, each sequence run alone."""
    total, tokens = 0.0, 0
    for text in texts:
        logits = module(torch.tensor([text.ids])).logits[0]
        answer = torch.tensor(text.ids[text.answer_start :])
        total = total + cross_entropy(logits[text.answer_start - 1 : -1], answer, reduction="sum")
        tokens += len(answer)
    return total / tokens


def test_lora_has_the_losses_of_trl_and_peft_used_by_hand(tmp_path, monkeypatch):
    monkeypatch.setattr(SFTTrainer, "_send_telemetry", lambda self: None)
    tuned = LoraSFT(rank=2, alpha=4, epochs=2, batch=4, learning_rate=5e-3).tune(
        planted_model(), TRAIN, VALIDATION, seed=3
    )
    texts = texts_of(TRAIN)
    with undisturbed(0):
        trainer = SFTTrainer(
            model=clone(planted_model()),
            args=SFTConfig(
                str(tmp_path),
                per_device_train_batch_size=4,
                num_train_epochs=2,
                learning_rate=5e-3,
                seed=3,
                max_grad_norm=0.0,
                logging_steps=1,
                report_to=[],
                use_cpu=True,
                bf16=False,
                disable_tqdm=True,
                gradient_checkpointing=False,
                save_strategy="no",
                completion_only_loss=True,
            ),
            train_dataset=Dataset.from_dict(
                {
                    "input_ids": [list(text.ids) for text in texts],
                    "completion_mask": [[int(p >= text.answer_start) for p in range(len(text))] for text in texts],
                }
            ),
            processing_class=tiny_tokenizer(),
            peft_config=LoraConfig(r=2, lora_alpha=4, target_modules="all-linear", task_type="CAUSAL_LM"),
        )
        trainer.train()
    by_hand = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(by_hand) == 4
    assert tuned.record["loss_by_step"] == pytest.approx(by_hand, abs=1e-4)
    assert tuned.parameters == sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
    module = trainer.model.merge_and_unload()
    assert tuned.record["validation_loss_by_epoch"][2] == pytest.approx(
        cross_entropy_of(module, texts_of(VALIDATION)).item(), abs=1e-4
    )


def test_full_fine_tuning_is_adamw_on_the_mean_cross_entropy_of_the_answers():
    tuned = FullSFT(epochs=3, batch=8, learning_rate=1e-3).tune(planted_model(), TRAIN, VALIDATION, seed=0)
    module = clone(planted_model()).requires_grad_(True).train()
    optimiser = torch.optim.AdamW(module.parameters(), weight_decay=0.0)
    losses, held = [], [cross_entropy_of(module, texts_of(VALIDATION)).item()]
    for epoch in range(3):  # the batch is the whole set
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * (1 - epoch / 3)
        loss = cross_entropy_of(module, texts_of(TRAIN))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        held.append(cross_entropy_of(module, texts_of(VALIDATION)).item())
    assert tuned.record["loss_by_step"] == pytest.approx(losses, abs=1e-3)
    assert tuned.record["validation_loss_by_epoch"] == pytest.approx(held, abs=1e-3)
    assert tuned.parameters == sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma2", "mixtral"])
@pytest.mark.parametrize(
    "baseline",
    [LoraSFT(rank=2, epochs=2, learning_rate=5e-3), FullSFT(epochs=2, learning_rate=1e-3)],
    ids=lambda baseline: baseline.name,
)
def test_the_engine_scores_the_new_model_as_its_record_says(tiny, architecture, baseline):
    model = tiny(architecture)
    tuned = baseline.tune(model, TRAIN, VALIDATION, seed=0)
    losses = tuned.record["validation_loss_by_epoch"]
    assert losses[tuned.record["epoch_chosen"]] == min(losses) < losses[0]
    held = texts_of(VALIDATION, model)
    (scores,) = score(tuned.model, [(text,) for text in held], [Plan()])
    tokens = [value for group in scores.tokens for value in group[0]]
    assert -sum(tokens) / len(tokens) == pytest.approx(min(losses), abs=1e-3)
    ids = torch.tensor([held[0].ids])
    assert tuned.model.module(ids).logits.shape == model.module(ids).logits.shape
    assert tuned.model.module.config.to_dict() == model.module.config.to_dict()


def test_the_weights_of_the_best_epoch_are_kept():
    # validation items that want the other answer: 0 epochs is best, and the model is the given one
    for baseline in (LoraSFT(rank=2, epochs=1, learning_rate=1e-2), FullSFT(epochs=1, learning_rate=1e-2)):
        tuned = baseline.tune(planted_model(), TRAIN, swapped(VALIDATION), seed=0)
        losses = tuned.record["validation_loss_by_epoch"]
        assert losses[1] > losses[0]
        assert tuned.record["epoch_chosen"] == 0
        assert tuned.model.fingerprint == planted_model().fingerprint
    none = LoraSFT(epochs=0).tune(planted_model(), TRAIN, VALIDATION, seed=0)
    assert none.record["loss_by_step"] == []
    assert none.model.fingerprint == planted_model().fingerprint


def test_operations_are_counted_by_kaplan_s_rule():
    model = planted_model()
    width, inner, heads_of_keys = 32, 64, 2 * 8
    block = 2 * width * width + 2 * width * heads_of_keys + 3 * width * inner + 2 * width
    body = 4 * block + width  # four blocks, and the last norm; no tables
    tuned = LoraSFT(rank=2, epochs=2).tune(model, TRAIN, VALIDATION, seed=0)
    tokens, held = (sum(map(len, texts_of(data))) for data in (TRAIN, VALIDATION))
    assert tuned.flops == 6 * body * 2 * tokens + 2 * body * 3 * held
