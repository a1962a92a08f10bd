"""The term of KL-then-steer: how far the steered model in training is from the bare one on benign texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils.rnn import pad_sequence

from steerstack.contracts import SteerAfterTraining

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts import TrainWith
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model
    from steerstack_plugins.baselines.common.trainer_edits import TrainerEdits


@dataclass(frozen=True)
class Nearness:
    """A benign text beside each training text, and the divergence there of the steered model from the bare one.

    Attributes
    ----------
    benign:
        The text beside each training text, in their order: the given ones in turn.
    beside:
        The same by the training text's token ids, which is how a trainer's batch names it.
    bare:
        The module of the bare model, unsteered and untrained.
    weight:
        Of the divergence in the loss.
    """

    benign: Sequence[TokenSequence]
    beside: Mapping[tuple[int, ...], TokenSequence]
    bare: Any
    weight: float

    @classmethod
    def of(cls, given: TrainWith | None, model: Model, texts: Sequence[TokenSequence]) -> Nearness | None:
        """What ``train_with`` asks for; None where it is of another kind, or steers by nothing."""
        if not isinstance(given, SteerAfterTraining) or not given.plan():
            return None
        passages = [model.format.plain(text) for text in given.benign]
        beside: dict[tuple[int, ...], TokenSequence] = {}
        for place, text in enumerate(texts):
            beside.setdefault(text.ids, passages[place % len(passages)])
        return cls([beside[text.ids] for text in texts], beside, model.module, given.weight)

    def loss(
        self, module: Any, edits: TrainerEdits, ids: Tensor, mask: Tensor | None, labels: Tensor
    ) -> Float[Tensor, ""]:
        """The sum over a batch's texts of their label tokens times the weighted divergence on the text beside.

        Divided by the number of label tokens of a step, as the cross-entropy is, it is the mean divergence (nats per
        token) over the step's texts, each as heavy as in the cross-entropy.

        Parameters
        ----------
        module, edits:
            The model in training, and the edits that are in place in its pass over the benign texts.
        ids, mask, labels:
            Of a batch of training texts, each ``[row, token]``.
        """
        exists = torch.ones_like(ids) if mask is None else mask
        rows = zip(ids, exists.bool(), strict=True)
        texts = [self.beside[tuple(row[there].tolist())] for row, there in rows]
        benign = pad_sequence([torch.tensor(text.ids) for text in texts], batch_first=True).to(ids.device)
        there = pad_sequence([torch.ones(len(text), dtype=torch.long) for text in texts], batch_first=True)
        there = there.to(ids.device)
        with torch.no_grad():
            bare = self._logp(self.bare, benign, there)
        with edits.step(benign, there):
            steered = self._logp(module, benign, there)
        divergence = (steered.exp() * (steered - bare)).sum(-1)
        mean = (divergence * there).sum(1) / there.sum(1)
        return self.weight * ((labels[:, 1:] != -100).sum(1) * mean).sum()

    @staticmethod
    def _logp(module: Any, ids: Tensor, mask: Tensor) -> Float[Tensor, "row token vocabulary"]:
        logits: Tensor = module(input_ids=ids, attention_mask=mask, use_cache=False).logits
        return logits.float().log_softmax(-1)
