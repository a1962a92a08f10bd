"""LoRA supervised fine-tuning on the answers that exhibit the behaviour."""

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

from pydantic import Field

from steerstack.contracts import Baseline, Tuned
from steerstack.data import DataSet
from steerstack.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch import nn

    from steerstack.tokens import TokenSequence
    from steerstack.trace.model import Model


@final
class LoraSFT(Baseline):
    """Low-rank adapters on every linear layer of the blocks, by peft; merged after training.

    Hu et al., arXiv 2106.09685. Trained on the same items as the vector, with the loss on the
    tokens of the exhibiting answer only (AdamW, linear decay); the number of epochs, from 0 to
    ``epochs``, is chosen by the same loss on the validation items.
    """

    name = "lora-sft"
    paper = "arXiv 2106.09685"

    rank: int = Field(8, ge=1, description="Rank of the adapters.")
    alpha: int = Field(16, ge=1, description="Scale of the adapters, times 1 / rank.")
    learning_rate: float = Field(5e-4, gt=0, description="Of AdamW, decaying linearly to 0.")
    epochs: int = Field(2, ge=0, description="At most; the number is chosen on validation.")
    batch: int = Field(8, ge=1, description="Items a step.")

    def tune(self, model: "Model", train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Train adapters on a copy of the model and merge them."""
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers.pytorch_utils import Conv1D

        from steerstack.asking import ask
        from steerstack.trace.model import clone, wrap

        began = time.monotonic()
        copy = clone(model)
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
            fan_in_fan_out=any(isinstance(part, Conv1D) for part in copy.modules()),  # GPT-2's weights lie transposed
        )
        with torch.random.fork_rng(), torch.enable_grad():
            torch.manual_seed(seed)
            module: Any = get_peft_model(copy, config)
            trained = [p for p in module.parameters() if p.requires_grad]
            texts = [question.exhibits for question in ask(model.format, train, "text")]
            held = [question.exhibits for question in ask(model.format, validation, "text")]
            optimiser = torch.optim.AdamW(trained, lr=self.learning_rate, weight_decay=0.0)
            steps = self.epochs * math.ceil(len(texts) / self.batch)
            schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=steps)
            losses = [_validate(module, held)]
            best = (losses[0], [p.detach().clone() for p in trained])
            for _ in range(self.epochs):
                module.train()
                order = torch.randperm(len(texts)).tolist()
                for at in range(0, len(order), self.batch):
                    chosen = [texts[index] for index in order[at : at + self.batch]]
                    answer_tokens = sum(len(text) - text.answer_start for text in chosen)
                    for part in _parts(chosen):
                        (_loss(module, part) / answer_tokens).backward()
                    optimiser.step()
                    schedule.step()
                    optimiser.zero_grad()
                losses.append(_validate(module, held))
                if losses[-1] < best[0]:
                    best = (losses[-1], [p.detach().clone() for p in trained])
            with torch.no_grad():
                for parameter, kept in zip(trained, best[1], strict=True):
                    parameter.copy_(kept)
        merged: nn.Module = module.merge_and_unload()
        record = {
            **self.parameters(),
            "n_train": len(train),
            "validation_loss_by_epoch": losses,
            "epoch_chosen": losses.index(best[0]),
            "on": "validation",
        }
        tuned = wrap(merged, model.tokenizer, name=f"{model.name}+{self.name}", revision=model.revision)
        return Tuned(tuned, sum(p.numel() for p in trained), time.monotonic() - began, record)


PART = 2
"""Texts of one forward pass: logits over the whole vocabulary are what fills the memory."""


def _parts(texts: "Sequence[TokenSequence]") -> "list[Sequence[TokenSequence]]":
    return [texts[at : at + PART] for at in range(0, len(texts), PART)]


def _loss(module: Any, texts: "Sequence[TokenSequence]") -> Any:
    """Summed cross-entropy (nats) over the answer tokens of some texts, padded on the right."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.nn.utils.rnn import pad_sequence

    device = next(module.parameters()).device
    ids = pad_sequence([torch.tensor(text.ids) for text in texts], batch_first=True).to(device)
    mask = pad_sequence([torch.ones(len(text), dtype=torch.long) for text in texts], batch_first=True).to(device)
    places = [(row, p) for row, text in enumerate(texts) for p in range(text.answer_start, len(text))]
    row, position = torch.tensor(places, device=device).unbind(1)
    logits = module(input_ids=ids, attention_mask=mask).logits
    return cross_entropy(logits[row, position - 1].float(), ids[row, position], reduction="sum")


def _validate(module: Any, texts: "Sequence[TokenSequence]") -> float:
    """Mean cross-entropy (nats) per answer token."""
    import torch

    module.eval()
    with torch.no_grad():
        total = sum(float(_loss(module, part)) for part in _parts(texts))
    return total / sum(len(text) - text.answer_start for text in texts)


@hookimpl
def steerstack_baselines() -> Sequence[type[Baseline]]:
    """LoRA SFT."""
    return [LoraSFT]
