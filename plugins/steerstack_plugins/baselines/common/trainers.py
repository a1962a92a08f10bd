"""What training by trl shares: its settings, the choice among its steps, and the model that comes out.

Imported only when something is trained, since it imports trl.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peft import LoraConfig
from transformers import PrinterCallback, TrainerCallback
from transformers.pytorch_utils import Conv1D

from steerstack.trace.model import Model, wrap
from steerstack.trace.trainable import clone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor, nn

PART = 2
"""Rows of one forward and backward pass, where a step has an even number of them."""


class NoTelemetry:
    """Put before a trl trainer in a class's bases, it keeps the trainer from reporting that it was used."""

    def _send_telemetry(self) -> None:
        return None


def adapters(module: nn.Module, rank: int, alpha: int) -> LoraConfig:
    """LoRA on every linear layer of the blocks."""
    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        fan_in_fan_out=any(isinstance(part, Conv1D) for part in module.modules()),  # GPT-2's weights lie transposed
    )


def settings(
    folder: Path, model: Model, *, batch: int, learning_rate: float, seed: int, part: int = PART
) -> dict[str, object]:
    """Arguments that all trainers get: AdamW without weight decay, linear decay, no files, no reports.

    A step's rows are run in parts and their gradients added up, which the memory asks for. Where a
    loss is averaged over its part and then over parts, ``part=1`` keeps the last part of an epoch,
    which may be smaller, from counting as much as the others.
    """
    part = math.gcd(batch, part)
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": part,
        "gradient_accumulation_steps": batch // part,
        "gradient_checkpointing": False,
        "learning_rate": learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": 0,
        "router_aux_loss_coef": 0.0,  # a mixture of experts is trained on the same loss as other models
        "weight_decay": 0.0,
        "optim": "adamw_torch",
        "seed": seed,
        "bf16": False,
        "use_cpu": model.device.type == "cpu",
        "dataloader_pin_memory": False,
        "report_to": [],
        "save_strategy": "no",
        "eval_strategy": "no",
        "logging_strategy": "steps",
        "logging_steps": 1,
        "disable_tqdm": True,
    }


def on_one_device(arguments: Any) -> Any:
    """The same arguments; trl refuses to train where several devices are to be seen."""
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def tokenizer_of(model: Model) -> Any:
    """A copy of the tokenizer, since trainers write into it."""
    return copy.deepcopy(model.tokenizer)


def copy_of(model: Model) -> Any:
    """A copy of the module for a trainer, which can be trained."""
    return clone(model).requires_grad_(True)


@dataclass(frozen=True)
class Chosen:
    """What came out of training.

    Attributes
    ----------
    losses:
        The trainer's loss at each step.
    validation:
        The loss on validation before training and after each of its parts.
    part:
        Number of parts after which it was lowest: the weights are those.
    parameters:
        Number of trained parameters.
    """

    losses: list[float]
    validation: list[float]
    part: int
    parameters: int


class _KeepBest(TrainerCallback):
    """Validates before training and after every so many steps, and keeps the best weights."""

    def __init__(self, module: Any, validate: Callable[[Any], float], every: int, before: float | None) -> None:
        self.module, self.validate, self.every = module, validate, every
        self.trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.values: list[float] = []
        self.kept: list[Tensor] = []
        self.best = 0
        self.look(before)

    def look(self, known: float | None = None) -> None:
        """Validate, unless the value is known; keep the weights where they are the best so far."""
        self.values.append(self.validate(self.module) if known is None else known)
        if len(self.values) == 1 or self.values[-1] < self.values[self.best]:
            self.best = len(self.values) - 1
            self.kept = [parameter.detach().clone() for parameter in self.trained]

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_kwargs: Any) -> None:
        """After an optimiser step."""
        if state.global_step % self.every == 0:
            self.look()

    def put_back(self) -> None:
        """Give the module its best weights."""
        for parameter, weights in zip(self.trained, self.kept, strict=True):
            parameter.data.copy_(weights)


def train_and_choose(
    trainer: Any, validate: Callable[[Any], float], *, every: int, before: float | None = None
) -> Chosen:
    """Train, and leave the module with the weights that validated best, the untrained ones among them.

    Parameters
    ----------
    trainer:
        A trl trainer.
    validate:
        From the module to a loss.
    every:
        Number of steps between looks.
    before:
        The loss of the untrained model, where an earlier run has found it.
    """
    keep = _KeepBest(trainer.model, validate, every, before)
    trainer.add_callback(keep)
    trainer.remove_callback(PrinterCallback)
    if trainer.args.num_train_epochs > 0:
        trainer.train()
    keep.put_back()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return Chosen(losses, keep.values, keep.best, sum(p.numel() for p in keep.trained))


def finished(trainer: Any, model: Model, name: str) -> Model:
    """The trained model: adapters merged, and rid of what the trainer left on it."""
    module = trainer.model
    if hasattr(module, "merge_and_unload"):
        module = module.merge_and_unload()
    vars(module).pop("forward", None)  # trl's, which skips the logits
    module.config = copy.deepcopy(model.module.config)
    module.generation_config = copy.deepcopy(model.module.generation_config)
    module.to(device=model.device, dtype=model.dtype)
    return wrap(
        module, model.tokenizer, name=f"{model.name}+{name}", revision=model.revision, manner=model.format.manner
    )
