"""Direct preference optimisation: the exhibiting answer over the other one."""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, final

from pydantic import Field

from steerstack.contracts import Tuned
from steerstack_plugins.baselines.common.answer_tune import AnswerTune

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from steerstack.data.items import DataSet
    from steerstack.data.questions import Question
    from steerstack.trace.model import Model
    from steerstack_plugins.baselines.common.trainer_edits import TrainerEdits


@final
class DPO(AnswerTune):
    """DPO with low-rank adapters, by trl's DPOTrainer and peft; merged after training.

    Rafailov et al., arXiv 2305.18290, eq. 7: the mean over pairs of ``-log sigmoid(beta * [log
    pi(y_w) / pi_ref(y_w) - log pi(y_l) / pi_ref(y_l)])``, where y_w is the exhibiting answer, y_l
    the other, each in its own words after the bare question, and the reference is the model with
    the adapters off. The number of epochs, from 0 to ``epochs``, is chosen by the same loss on the
    validation items. Gradients are cut at norm 1, as the library does; dropout is off. What ``train_with`` edits in
    training is edited in both the policy and the reference, whose log-ratio so begins at 0.
    """

    name = "dpo"
    paper = "arXiv 2305.18290"
    unfit: ClassVar[tuple[str, ...]] = ("kl-then-steer",)

    beta: float = Field(0.1, gt=0, description="How strongly it is held to the reference.")
    rank: int = Field(8, ge=1, description="Rank of the adapters.")
    alpha: int = Field(16, ge=1, description="Scale of the adapters, times 1 / rank.")
    learning_rate: float = Field(2e-4, gt=0, description="Learning rate of AdamW, decaying linearly to 0.")
    batch: int = Field(8, ge=1, description="Pairs a step.")

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Train adapters on a copy of the model and merge them."""
        from steerstack.data.questions import ask
        from steerstack.measure import flops as costs
        from steerstack_plugins.baselines.common.answers import answer_logp
        from steerstack_plugins.baselines.common.isolation import undisturbed
        from steerstack_plugins.baselines.common.rates import Schedule, account, best_rate, validator
        from steerstack_plugins.baselines.common.trainer_edits import TrainerEdits
        from steerstack_plugins.baselines.common.trainers import finished, train_and_choose

        condition = self.train_with
        pairs = ask(model.format, train, "text", system=condition.preface if condition else None)
        validation_pairs = ask(model.format, validation, "text")
        sides = [side for pair in pairs for side in pair.pair]
        sequences = [sequence for question in validation_pairs for sequence in question.pair]

        def run(rate: float, schedule: Schedule | None) -> Tuned:
            began = time.monotonic()
            plan = schedule or Schedule(self.epochs, math.ceil(len(pairs) / self.batch))
            edits = TrainerEdits(condition, model, sides, passes=2)  # the policy's, and the reference's
            with undisturbed(seed) as folder:
                how = self.model_copy(update={"learning_rate": rate, "epochs": plan.epochs})
                trainer = dpo_trainer(how, model, pairs, folder, seed=seed, edits=edits)
                reference = answer_logp(trainer.model, sequences)  # the adapters do nothing yet

                def loss(module: Any) -> float:
                    return dpo_loss(answer_logp(module, sequences) - reference, self.beta)

                validate, criterion = validator(model, validation, self.mode, loss)
                with edits.attached(trainer.model):
                    choice = train_and_choose(trainer, validate, every=plan.every)
                result = finished(trainer, model, self.name)
            record = {
                **how.parameters(),
                **account(len(train), choice.losses, choice.validation, choice.part),
                "choices_tried": max(1, len(choice.validation) - 1),
                "criterion": criterion,
                **edits.check(plan.epochs),
            }
            tokens = costs.tokens_of(sides)
            flops = plan.epochs * (costs.training(model, tokens) + costs.forward(model, tokens))  # policy and reference
            flops += costs.forward(model, (1 + len(choice.validation)) * costs.tokens_of(sequences))
            return Tuned(result, choice.parameters, time.monotonic() - began, record, flops=flops)

        return best_rate(
            run, rate=self.learning_rate, choices=self.choices, items=len(pairs), batch=self.batch, epochs=self.epochs
        )


def dpo_loss(log_ratios: Any, beta: float) -> float:
    """The mean loss of some pairs, from ``log pi(y) / pi_ref(y)`` of each answer, the exhibiting one first."""
    from torch.nn.functional import logsigmoid

    wins, loses = log_ratios.reshape(-1, 2).unbind(1)
    return -float(logsigmoid(beta * (wins - loses)).mean())


def rows(pairs: Sequence[Question]) -> dict[str, list[list[int]]]:
    """Token ids of what the two answers share, and of each answer."""
    return {
        "prompt_ids": [list(pair.exhibits.ids[: pair.exhibits.answer_start]) for pair in pairs],
        "chosen_ids": [list(pair.exhibits.ids[pair.exhibits.answer_start :]) for pair in pairs],
        "rejected_ids": [list(pair.contrast.ids[pair.contrast.answer_start :]) for pair in pairs],
    }


def dpo_trainer(
    baseline: DPO,
    model: Model,
    pairs: Sequence[Question],
    folder: Path,
    *,
    seed: int,
    edits: TrainerEdits | None = None,
) -> Any:
    """trl's DPOTrainer on token ids, with some edits in its steps."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    from steerstack_plugins.baselines.common.trainers import (
        NoTelemetry,
        adapters,
        copy_of,
        on_one_device,
        settings,
        tokenizer_of,
    )

    class OnTokens(NoTelemetry, DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *_args: Any) -> Any:
            return dataset  # it would write the prompts in another way, and end each answer by a token

        def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            with edits.step(inputs["input_ids"], inputs["attention_mask"]) if edits else nullcontext():
                return super().compute_loss(model, inputs, *args, **kwargs)

    module = copy_of(model)
    arguments = DPOConfig(
        **settings(folder, model, batch=baseline.batch, learning_rate=baseline.learning_rate, seed=seed, part=1),
        num_train_epochs=baseline.epochs,
        beta=baseline.beta,
        max_length=None,
    )
    return OnTokens(
        model=module,
        args=on_one_device(arguments),
        train_dataset=Dataset.from_dict(rows(pairs)),
        processing_class=tokenizer_of(model),
        peft_config=adapters(module, baseline.rank, baseline.alpha),
    )
