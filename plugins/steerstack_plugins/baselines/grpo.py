"""Online reinforcement learning: sampled answers are rewarded where they exhibit the behaviour."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Literal, final

from pydantic import Field

from steerstack.contracts import Baseline, Tuned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from steerstack.data.items import DataSet
    from steerstack.data.questions import Question
    from steerstack.trace.model import Model


@final
class GRPO(Baseline):
    """Group relative policy optimisation with low-rank adapters, by trl's GRPOTrainer and peft.

    Shao et al., arXiv 2402.03300, eq. 3 (``loss_type="grpo"``, one update a sample, the reference
    is the model with the adapters off). The reward is the behaviour itself, not a model of it: an
    answer sampled to a question with listed options, or to a Yes-or-No question, gets 1 where it
    names the exhibiting answer, 0 where it names the other one, and -1 where it names neither.
    Every question is asked in both orders, so that always saying the same letter gains nothing.

    The adapters of the best of several looks are kept and merged: before training and after every
    ``look`` steps, by the expected reward of the next token on the validation items (no sampling).
    Gradients are cut at norm 1.
    """

    name = "grpo"
    paper = "arXiv 2402.03300"

    mode: Literal["letter", "yes-no"] | None = Field(
        None, description="How questions are asked; by Yes or No if not given where the data do so, else by letter."
    )
    steps: int = Field(8, ge=0, description="Optimiser steps.")
    look: int = Field(4, ge=1, description="Steps between looks at the validation items.")
    prompts: int = Field(4, ge=1, description="Questions a step.")
    generations: int = Field(4, ge=2, description="Answers sampled to each question: a group.")
    answer_tokens: int = Field(4, ge=1, description="Tokens of a sampled answer, at most.")
    temperature: float = Field(1.0, gt=0, description="Of sampling.")
    beta: float = Field(0.04, ge=0, description="Weight of the KL divergence from the reference, per token.")
    rank: int = Field(8, ge=1, description="Rank of the adapters.")
    alpha: int = Field(16, ge=1, description="Scale of the adapters, times 1 / rank.")
    learning_rate: float = Field(5e-4, gt=0, description="Learning rate of AdamW, decaying linearly to 0.")

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Train adapters on a copy of the model and merge them."""
        from steerstack.data.questions import ask
        from steerstack.measure import flops as costs
        from steerstack_plugins.baselines.common.isolation import undisturbed
        from steerstack_plugins.baselines.common.trainers import finished, train_and_choose

        began = time.monotonic()
        mode = self.mode or ("yes-no" if all(item.form == "yes-no" for item in train) else "letter")
        questions, held = (ask(model.format, data, mode) for data in (train, validation))
        with undisturbed(seed) as folder:
            trainer = grpo_trainer(self, model, questions, folder, seed=seed)
            chosen = train_and_choose(trainer, lambda module: -expected_reward(module, held), every=self.look)
            history = [entry for entry in trainer.state.log_history if "reward" in entry]
            sampled = int(trainer.state.num_input_tokens_seen)
            tuned = finished(trainer, model, self.name)
        record = {
            **self.parameters(),
            "mode": mode,
            "n_train": len(train),
            "loss_by_step": chosen.losses,
            "reward_by_step": [entry["reward"] for entry in history],
            "kl_by_step": [entry["kl"] for entry in history if "kl" in entry],
            "validation_reward_by_look": [-value for value in chosen.validation],
            "look_chosen": chosen.part,
            "on": "validation",
        }
        passes = 2 if self.beta else 1  # sampling, and the reference
        flops = costs.training(model, sampled) + costs.forward(model, passes * sampled)
        flops += costs.forward(model, len(chosen.validation) * sum(q.exhibits.answer_start for q in held))
        return Tuned(tuned, chosen.parameters, time.monotonic() - began, record, flops=flops)


def named(text: str) -> str:
    """What an answer names: Yes or No, or a letter that stands alone; empty where it names nothing."""
    found = re.match(r"\W*(yes|no|[a-z])(?![a-z])", text, re.IGNORECASE)
    return found[1].capitalize() if found else ""


def reward(text: str, exhibits: str, contrast: str) -> float:
    """1 for an answer that names the exhibiting label, 0 for the other label, -1 for neither."""
    return {exhibits: 1.0, contrast: 0.0}.get(named(text), -1.0)


def expected_reward(module: Any, questions: Sequence[Question]) -> float:
    """Mean over questions of the expected reward of the next token: ``P(exhibits) - P(neither)``."""
    from steerstack_plugins.baselines.common.answers import label_logp

    exhibits, contrast = label_logp(module, questions).exp().unbind(1)
    return float((exhibits - (1 - exhibits - contrast)).mean())


def grpo_trainer(baseline: GRPO, model: Model, questions: Sequence[Question], folder: Path, *, seed: int) -> Any:
    """trl's GRPOTrainer on token ids of prompts."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    from steerstack_plugins.baselines.common.trainers import (
        NoTelemetry,
        adapters,
        copy_of,
        on_one_device,
        settings,
        tokenizer_of,
    )

    prompts = [list(question.exhibits.ids[: question.exhibits.answer_start]) for question in questions]
    labels = [
        [model.tokenizer.decode(sequence.ids[sequence.answer_start :]).strip() for sequence in question.pair]
        for question in questions
    ]

    class OnTokens(NoTelemetry, GRPOTrainer):
        def _tokenize_prompts(self, numbers: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
            return [prompts[int(number)] for number in numbers], None, {}

    def of_behaviour(prompts: list[str], completions: list[str], **_columns: Any) -> list[float]:
        return [reward(text, *labels[int(number)]) for number, text in zip(prompts, completions, strict=True)]

    module = copy_of(model)
    rows = baseline.prompts * baseline.generations
    arguments = GRPOConfig(
        **settings(folder, model, batch=rows, learning_rate=baseline.learning_rate, seed=seed),
        max_steps=baseline.steps,
        num_generations=baseline.generations,
        max_completion_length=baseline.answer_tokens,
        temperature=baseline.temperature,
        beta=baseline.beta,
        loss_type="grpo",
        disable_dropout=True,
    )
    return OnTokens(
        model=module,
        reward_funcs=[of_behaviour],
        args=on_one_device(arguments),
        train_dataset=Dataset.from_dict({"prompt": [str(number) for number in range(len(questions))]}),
        processing_class=tokenizer_of(model),
        peft_config=adapters(module, baseline.rank, baseline.alpha),
    )
