"""Supervised fine-tuning by trl on the answers that exhibit the behaviour, all weights or adapters."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from steerstack.contracts import Tuned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from steerstack.data.items import DataSet
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model
    from steerstack_plugins.baselines.common.answer_tune import AnswerTune
    from steerstack_plugins.baselines.common.nearness import Nearness
    from steerstack_plugins.baselines.common.trainer_edits import TrainerEdits


def rows(texts: Sequence[TokenSequence]) -> dict[str, list[list[int]]]:
    """Token ids, and labels that are -100 (left out of the loss) before the answer."""
    return {
        "input_ids": [list(text.ids) for text in texts],
        "labels": [[-100] * text.answer_start + list(text.ids[text.answer_start :]) for text in texts],
    }


def sft_trainer(
    module: Any,
    model: Model,
    texts: Sequence[TokenSequence],
    folder: Path,
    *,
    edits: TrainerEdits,
    epochs: int,
    peft_config: Any,
    nearness: Nearness | None = None,
    **how: Any,
) -> Any:
    """trl's SFTTrainer on token ids, with the loss on the answer tokens only, and with some edits in its steps.

    With ``nearness`` the edits are in place on benign texts instead, in a further part of the loss.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from steerstack_plugins.baselines.common.answers import training_loss
    from steerstack_plugins.baselines.common.trainers import NoTelemetry, on_one_device, settings, tokenizer_of

    class OnAnswers(NoTelemetry, SFTTrainer):
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            """trl's loss; where it has no Triton, trl would have the head read every token, and twice."""
            del return_outputs  # nothing evaluates
            ids, mask, labels = inputs["input_ids"], inputs.get("attention_mask"), inputs["labels"]
            if nearness is None:
                with edits.step(ids, mask):
                    total, count = training_loss(model, ids, mask, labels)
            else:
                total, count = training_loss(model, ids, mask, labels)
                total = total + nearness.loss(model, edits, ids, mask, labels)
            return total / (count if num_items_in_batch is None else num_items_in_batch)

    arguments = SFTConfig(
        **settings(folder, model, **how),
        num_train_epochs=epochs,
        max_grad_norm=0.0,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    return OnAnswers(
        model=module,
        args=on_one_device(arguments),
        train_dataset=Dataset.from_dict(rows(texts)),
        processing_class=tokenizer_of(model),
        peft_config=peft_config,
    )


def tune_supervised(
    baseline: AnswerTune,
    model: Model,
    train: DataSet,
    validation: DataSet,
    *,
    seed: int,
    adapt: Callable[[Any], Any] | None,
) -> Tuned:
    """Train a copy on the exhibiting answers; the number of epochs, and of several a rate, is chosen on validation.

    Parameters
    ----------
    baseline, model, train, validation, seed:
        As :meth:`steerstack.contracts.Baseline.tune` gets them; what ``train_with`` says is in place in training steps.
    adapt:
        From the copy to the settings of its adapters; None trains all weights, in 32 bits.
    """
    from steerstack.data.questions import ask
    from steerstack.measure import flops as costs
    from steerstack_plugins.baselines.common.answers import answer_loss
    from steerstack_plugins.baselines.common.isolation import undisturbed
    from steerstack_plugins.baselines.common.nearness import Nearness
    from steerstack_plugins.baselines.common.rates import Schedule, account, best_rate, validator
    from steerstack_plugins.baselines.common.trainer_edits import TrainerEdits
    from steerstack_plugins.baselines.common.trainers import copy_of, finished, train_and_choose

    condition, epochs, batch = baseline.train_with, baseline.epochs, baseline.batch
    texts, validation_texts = (
        [question.exhibits for question in ask(model.format, data, "text", system=system)]
        for data, system in ((train, condition.preface if condition else None), (validation, None))
    )
    validate, criterion = validator(model, validation, baseline.mode, lambda of: answer_loss(of, validation_texts))

    untrained: list[float] = []  # its loss on validation, the same in every run

    def run(rate: float, schedule: Schedule | None) -> Tuned:
        began, earlier_looks = time.monotonic(), len(untrained)
        plan = schedule or Schedule(epochs, math.ceil(len(texts) / batch))
        nearness = Nearness.of(condition, model, texts)
        edits = TrainerEdits(condition, model, nearness.benign if nearness else texts)
        with undisturbed(seed) as folder:
            module = copy_of(model)
            config = adapt(module) if adapt else None
            trainer = sft_trainer(
                module if adapt else module.float(),
                model,
                texts,
                folder,
                edits=edits,
                epochs=plan.epochs,
                peft_config=config,
                nearness=nearness,
                batch=batch,
                learning_rate=rate,
                seed=seed,
            )
            before = untrained[0] if untrained else None
            with edits.attached(trainer.model):
                choice = train_and_choose(trainer, validate, every=plan.every, before=before)
            untrained[:] = choice.validation[:1]
            result = finished(trainer, model, baseline.name)
        record = {
            **baseline.parameters(),
            "learning_rate": rate,
            "epochs": plan.epochs,
            **account(len(train), choice.losses, choice.validation, choice.part),
            "choices_tried": max(1, len(choice.validation) - 1),
            "criterion": criterion,
            **edits.check(plan.epochs),
        }
        flops = costs.training(model, plan.epochs * costs.tokens_of(texts))
        if nearness:  # the trained model's pass with its gradient, and the bare model's
            flops += plan.epochs * costs.training(model, costs.tokens_of(nearness.benign))
            flops += plan.epochs * costs.forward(model, costs.tokens_of(nearness.benign))
        flops += costs.forward(model, (len(choice.validation) - earlier_looks) * costs.tokens_of(validation_texts))
        return Tuned(result, choice.parameters, time.monotonic() - began, record, flops=flops)

    rate, choices = baseline.learning_rate, baseline.choices
    return best_rate(run, rate=rate, choices=choices, items=len(texts), batch=batch, epochs=epochs)
