"""Group relative policy optimisation by trl: everything but what is trained."""

from __future__ import annotations

import copy
import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from steerstack.contracts import OnlineLearner, Tuned

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float
    from numpy import ndarray
    from torch import Tensor

    from steerstack.contracts import Reward
    from steerstack.data.items import DataSet
    from steerstack.data.questions import Question, ScoreMode
    from steerstack.steering.intervention import Plan
    from steerstack.trace.model import Model

CRITERION = "largest mean reward on validation items"


@dataclass(frozen=True)
class Policy:
    """What is trained: a module whose trainable parameters take gradients, or one to which adapters are added.

    Attributes
    ----------
    module:
        A copy of the model.
    adapters:
        peft's settings; None where the module is trained as it is.
    reference:
        What the KL divergence is taken from; None where that is the module with its adapters off.
    """

    module: Any
    adapters: Any = None
    reference: Any = None


@dataclass(frozen=True)
class AskedItems:
    """Items as they are asked and rewarded: the data, its questions, how they are asked, who rewards, and whom.

    Attributes
    ----------
    data, questions, mode:
        Items, the questions made of them, and how they are asked.
    reward, model:
        Who rewards answers, and the model before training.
    """

    data: DataSet
    questions: Sequence[Question]
    mode: ScoreMode
    reward: Reward
    model: Model

    @property
    def prompts(self) -> list[list[int]]:
        """Token ids up to the answer."""
        return [list(question.exhibits.ids[: question.exhibits.answer_start]) for question in self.questions]

    @property
    def by_labels(self) -> bool:
        """Whether the expected reward follows from the probabilities of the labels."""
        import numpy as np

        return self.mode != "text" and self.reward.expected(np.log([[0.5, 0.5]])) is not None

    def expected(self, logp: Float[ndarray, "question label"]) -> Float[ndarray, " question"]:
        """The expected reward of each question by its labels' log-probabilities."""
        rewards = self.reward.expected(logp)
        assert rewards is not None
        return rewards

    def rewards(self, numbers: Sequence[int], answers: Sequence[str]) -> list[float | None]:
        """The reward of an answer to each of the questions with these numbers; None where there is none."""
        from steerstack.techniques.rewards import rollouts

        questions = [self.questions[number] for number in numbers]
        rewards = self.reward.values(rollouts(self.model, questions, answers, self.mode), self.data, self.model)
        return [None if value != value else float(value) for value in rewards]


class GroupRelative(OnlineLearner):
    """A learner by trl's GRPOTrainer."""

    learning_rate: float

    def with_choices(self, count: int) -> Self:
        """So many configurations, learning rates times looks, unless a rate, looks or their number were given."""
        from steerstack_plugins.baselines.common.rates import grid

        if self.model_fields_set & {"learning_rate", "rates", "look"}:
            return self
        rates, looks = grid(count, self.learning_rate)
        return self.model_copy(update={"rates": len(rates), "look": max(1, self.steps // looks)})

    @abstractmethod
    def policy(self, model: Model) -> Policy:
        """A copy of the model with what is to be trained."""

    def plan(self, policy: Policy) -> Plan | None:
        """The edits that were trained; None where weights were."""
        del policy
        return None

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Train on the questions of ``train``; the rate and look with the best reward on validation are kept."""
        from steerstack.catalog.lookup import find
        from steerstack.data.questions import ask
        from steerstack.techniques.rewards import mode_for
        from steerstack_plugins.baselines.common.rates import learning_rates

        reward = find("reward", self.reward).make(self.reward_parameters)
        reward.check_data(train)
        mode = mode_for(reward, self.mode, train)
        items, validation_items = (
            AskedItems(data, ask(model.format, data, mode), mode, reward, model) for data in (train, validation)
        )
        rates = learning_rates(self.rates, self.learning_rate)
        runs: list[Tuned] = []
        for rate in rates:
            before = runs[0].record["validation_reward_by_look"][0] if runs else None
            runs.append(self._run(model, items, validation_items, rate, seed, before))
        best = max(runs, key=lambda run: max(run.record["validation_reward_by_look"]))
        looks = len(best.record["validation_reward_by_look"]) - 1
        attempts = [
            {"learning_rate": rate, "validation": run.record["validation_reward_by_look"]}
            for rate, run in zip(rates, runs, strict=True)
        ]
        record = {
            **best.record,
            "choices_tried": max(1, len(rates) * looks),
            "criterion": CRITERION,
            "tried": attempts,
            "rollouts": sum(run.record["rollouts"] for run in runs),
            "rollout_tokens": sum(run.record["rollout_tokens"] for run in runs),
            "labels": (len(train) + len(validation)) if reward.labelled else 0,
        }
        return Tuned(
            best.model, best.parameters, sum(run.seconds for run in runs), record,
            flops=sum(run.flops for run in runs), plan=best.plan,
        )  # fmt: skip

    def _run(
        self, model: Model, asked: AskedItems, held: AskedItems, rate: float, seed: int, before: float | None
    ) -> Tuned:
        """One run at one learning rate; ``before`` is the untrained reward on validation, where it is known."""
        from steerstack.measure import flops as costs
        from steerstack_plugins.baselines.common.isolation import undisturbed
        from steerstack_plugins.baselines.common.trainers import finished, train_and_choose

        began = time.monotonic()
        with undisturbed(seed) as folder:
            policy = self.policy(model)
            trainer = grpo_trainer(self, policy, asked, folder, rate=rate, seed=seed)
            choice = train_and_choose(
                trainer, lambda module: -self.look_at(module, held), every=min(self.look, max(1, self.steps)),
                before=None if before is None else -before,
            )  # fmt: skip
            history = [entry for entry in trainer.state.log_history if "reward" in entry]
            token_count = int(trainer.state.num_input_tokens_seen)
            plan = self.plan(policy)
            result = model if plan is not None else finished(trainer, model, self.name)
        record = {
            **self.parameters(),
            "learning_rate": rate,
            "mode": asked.mode,
            "n_train": len(asked.data),
            "loss_by_step": choice.losses,
            "reward_by_step": [entry["reward"] for entry in history],
            "kl_by_step": [entry["kl"] for entry in history if "kl" in entry],
            "validation_reward_by_look": [-value for value in choice.validation],
            "look_chosen": choice.part,
            "on": "validation",
            "rollouts": self.steps * self.prompts * self.generations,
            "rollout_tokens": token_count,
        }
        passes = 2 if self.beta else 1  # sampling, and the reference
        flops = costs.training(model, token_count) + costs.forward(model, passes * token_count)
        answers = 1 if held.by_labels else self.generations
        looks = len(choice.validation) - (before is not None)
        flops += costs.forward(model, looks * answers * sum(map(len, held.prompts)))
        return Tuned(result, choice.parameters, time.monotonic() - began, record, flops=flops, plan=plan)

    def look_at(self, module: Any, held: AskedItems) -> float:
        """Mean reward on the held items: the expected one of the next token where the reward has it, else sampled."""
        import numpy as np

        from steerstack_plugins.baselines.common.answers import label_logp

        if held.by_labels:
            return float(np.mean(held.expected(label_logp(module, held.questions).double().numpy())))
        numbers, texts = sampled_answers(module, held, self)
        values = [value for value in held.rewards(numbers, texts) if value is not None]
        return float(np.mean(values)) if values else -np.inf


def sampled_answers(module: Any, held: AskedItems, learner: OnlineLearner) -> tuple[list[int], list[str]]:
    """Answers of a module in training to every held question, a group each: always by the same draws."""
    import torch

    from steerstack_plugins.baselines.common.answers import looking

    device = next(module.parameters()).device
    numbers: list[int] = []
    texts: list[str] = []
    tokenizer = held.model.tokenizer
    with looking(module), torch.random.fork_rng():
        torch.manual_seed(0)
        for number, prompt in enumerate(held.prompts):
            ids = torch.tensor([prompt], device=device)
            sequences = module.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                temperature=learner.temperature,
                top_k=0,
                max_new_tokens=learner.answer_tokens,
                num_return_sequences=learner.generations,
                pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
            )
            texts += tokenizer.batch_decode(sequences[:, len(prompt) :], skip_special_tokens=True)
            numbers += [number] * learner.generations
    return numbers, texts


def grpo_trainer(
    learner: GroupRelative, policy: Policy, asked: AskedItems, folder: Path, *, rate: float, seed: int
) -> Any:
    """trl's GRPOTrainer on token ids of prompts, with the reward of an item's answers."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    from steerstack_plugins.baselines.common.answers import last_tokens
    from steerstack_plugins.baselines.common.trainers import NoTelemetry, on_one_device, settings, tokenizer_of

    prompts = asked.prompts

    class OnTokens(NoTelemetry, GRPOTrainer):
        def _tokenize_prompts(self, numbers: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
            return [prompts[int(number)] for number in numbers], None, {}

        def _get_per_token_logps_and_entropies(
            self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, **_others: Any
        ) -> tuple[Tensor, Tensor, None]:
            own = last_tokens(model, input_ids, attention_mask, logits_to_keep, temperature=learner.temperature)
            return (*own, None)

    def of_behaviour(prompts: list[str], completions: list[str], **_columns: Any) -> list[float | None]:
        return asked.rewards([int(number) for number in prompts], completions)

    rows = learner.prompts * learner.generations
    own = policy.reference is None  # else trl would look for the reference by the model's name
    arguments = GRPOConfig(
        **settings(folder, asked.model, batch=rows, learning_rate=rate, seed=seed),
        max_steps=learner.steps,
        num_generations=learner.generations,
        max_completion_length=learner.answer_tokens,
        temperature=learner.temperature,
        beta=learner.beta if own else 0.0,
        loss_type="grpo",
        use_bias_correction_kl=False,  # the divergence of eq. 3 is not weighted by the ratio of the policies
        disable_dropout=True,
    )
    trainer = OnTokens(
        model=policy.module,
        reward_funcs=[of_behaviour],
        args=on_one_device(arguments),
        train_dataset=Dataset.from_dict({"prompt": [str(number) for number in range(len(prompts))]}),
        processing_class=tokenizer_of(asked.model),
        peft_config=policy.adapters,
    )
    if not own and learner.beta:
        trainer.ref_model, trainer.beta = policy.reference, learner.beta
    return trainer


def frozen_twin(module: Any) -> Any:
    """The same module in evaluation mode, sharing its weights: what is hooked into one does not show in the other."""
    memo = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, memo).eval()
