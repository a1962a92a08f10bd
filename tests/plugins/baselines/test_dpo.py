"""DPO: the trainer's loss against the formula written out, and the choice among epochs."""

import math

import pytest
import torch

from steerstack.data.questions import ask
from steerstack.testing import planted_data, planted_model
from steerstack_plugins.baselines.common.isolation import undisturbed
from steerstack_plugins.baselines.dpo import DPO, dpo_trainer

TRAIN = planted_data(5)


def logp(module, text):
    """Log-probability of a whole answer, token by token."""
    table = module(torch.tensor([text.ids])).logits[0].log_softmax(-1)
    return sum(float(table[p - 1, text.ids[p]]) for p in range(text.answer_start, len(text)))


def formula(policy, reference, questions, beta):
    total = 0.0
    for question in questions:
        wins, loses = question.exhibits, question.contrast
        margin = (logp(policy, wins) - logp(reference, wins)) - (logp(policy, loses) - logp(reference, loses))
        total += -math.log(1 / (1 + math.exp(-beta * margin)))
    return total / len(questions)


def test_the_trainer_s_loss_is_the_formula(tmp_path):
    model = planted_model()
    questions = ask(model.format, TRAIN, "text")
    with undisturbed(0), torch.no_grad():
        trainer = dpo_trainer(DPO(rank=2, batch=4, beta=0.3), model, questions, tmp_path, seed=0)
        for name, parameter in trainer.model.named_parameters():
            if "lora_B" in name:  # the adapters are to do something
                parameter.copy_(torch.randn(parameter.shape) * 0.1)
        batch = trainer.data_collator([trainer.train_dataset[index] for index in range(3)])
        trainer.model.eval()
        loss = float(trainer.compute_loss(trainer.model, batch))
        expected = formula(trainer.model, model.module, questions[:3], 0.3)
    assert abs(expected - math.log(2)) > 0.01
    assert loss == pytest.approx(expected, abs=1e-4)


def test_losses_of_whole_batches_are_those_on_validation_and_the_formula_s_at_the_end():
    baseline = DPO(rank=2, epochs=2, batch=8, learning_rate=1e-3)
    tuned = baseline.tune(planted_model(), TRAIN, TRAIN, seed=0)
    steps, held = tuned.record["loss_by_step"], tuned.record["validation_loss_by_epoch"]
    assert held[0] == pytest.approx(math.log(2), abs=1e-6)
    assert steps == pytest.approx(held[:2], abs=1e-4)  # before each step, the loss of the epoch before
    questions = ask(planted_model().format, TRAIN, "text")
    with torch.no_grad():
        expected = formula(tuned.model.module, planted_model().module, questions, 0.1)
    assert held[tuned.record["epoch_chosen"]] == min(held) == pytest.approx(expected, abs=1e-4)
