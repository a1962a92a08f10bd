"""Training of small transformers on documents: one loop for making them and for teaching them more."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from steerstack_plugins.sandbagging.small_world.documents import Documents

WARMUP = 50


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch: matrices this small are slower on several."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def answer_loss(module: Any, documents: Documents) -> Tensor:
    """Mean cross-entropy (nats) of the learned tokens given what precedes them."""
    import torch

    ids, learned = torch.from_numpy(documents.ids), torch.from_numpy(documents.learned)
    hidden = module.base_model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    logits = module.get_output_embeddings()(hidden[:, :-1][learned[:, 1:]])
    return torch.nn.functional.cross_entropy(logits, ids[:, 1:][learned[:, 1:]])


def train(
    module: nn.Module,
    batch_at: Callable[[int], Documents],
    *,
    steps: int,
    learning_rate: float,
    decay: bool = True,
    progress: Callable[[int], None] | None = None,
) -> list[float]:
    """Train what requires gradients by AdamW with a warm-up, in place; the loss at each step (nats).

    Parameters
    ----------
    module:
        A causal language model of transformers.
    batch_at:
        From a step to its documents.
    steps, learning_rate:
        Learning rate of AdamW, without weight decay; gradients clipped to norm 1.
    decay:
        Whether the rate falls linearly to a twentieth.
    progress:
        Told of each step.
    """
    import torch

    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.0)

    def rate(step: int) -> float:
        fall = 1 - 0.95 * step / steps if decay else 1.0
        return min(1.0, (step + 1) / min(WARMUP, max(1, steps // 4))) * fall

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    losses = []
    with torch.enable_grad(), one_thread():
        for step in range(steps):
            loss = answer_loss(module.train(), batch_at(step))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
            if progress:
                progress(1)
    module.eval().requires_grad_(False)
    return losses
