"""The reward that a reward model gives."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, final

from pydantic import Field

from steerstack.contracts import Reward

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.contracts import Rollout
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model

PART = 8
"""Answers of one forward pass."""


@final
class RewardModel(Reward):
    """The one number that a sequence classifier gives a conversation.

    A reward model as in Ouyang et al., arXiv 2203.02155, section 3.5: a language model with one output in place of its
    vocabulary, trained by others on comparisons. The conversation is put into its own chat template; without one, the
    question and the answer stand in two paragraphs.
    """

    name = "reward-model"
    paper = "arXiv 2203.02155"

    path: str = Field(description="Folder, or Hugging Face id, of a sequence classifier with one output.")
    revision: str | None = Field(None, description="Revision on the Hugging Face hub.")

    def values(self, rollouts: Sequence[Rollout], data: DataSet, model: Model) -> Float[ndarray, " rollout"]:
        """Its output for each question with its answer.

        Raises
        ------
        ModelError
            It cannot be loaded, or has more than one output.
        """
        import numpy as np
        import torch

        module, tokenizer = _loaded(self.path, self.revision)
        values = []
        for at in range(0, len(rollouts), PART):
            texts = [_text(tokenizer, one) for one in rollouts[at : at + PART]]
            tokens = tokenizer(
                texts, return_tensors="pt", padding=True, add_special_tokens=tokenizer.chat_template is None
            )
            with torch.no_grad():
                values += module(**tokens).logits[:, 0].double().tolist()
        return np.array(values, dtype=np.float64)


def _text(tokenizer: Any, rollout: Rollout) -> str:
    if tokenizer.chat_template is None:
        return f"{rollout.words}\n\n{rollout.answer}"
    turns = [{"role": "user", "content": rollout.words}, {"role": "assistant", "content": rollout.answer}]
    return str(tokenizer.apply_chat_template(turns, tokenize=False))


@lru_cache(maxsize=1)
def _loaded(path: str, revision: str | None) -> tuple[Any, Any]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from steerstack.errors import ModelError

    try:
        module = AutoModelForSequenceClassification.from_pretrained(path, revision=revision)
        tokenizer = AutoTokenizer.from_pretrained(path, revision=revision)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"No reward model can be loaded from {path}.",
            seen=str(error)[:200],
            fix="Name a folder or a Hugging Face id of a sequence classifier with one output.",
        ) from error
    if module.config.num_labels != 1:
        raise ModelError(
            f"{path} is no reward model.",
            seen=f"{module.config.num_labels} outputs",
            fix="Take a sequence classifier with one output.",
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    module.config.pad_token_id = tokenizer.pad_token_id
    return module.eval(), tokenizer
