"""The proof for texts that are longer than a model's window of attention.

The texts of :mod:`~steerstack_plugins.backends.vllm_model.proof` are short, and would not feel a window. A plain pass
over one that is longer than it takes memory and time in proportion, so this is done for windows of a thousand tokens
at most.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from steerstack.engine.layout.reach import context, reach, windows
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.trace.check import trial_ids
from steerstack.trace.model import Model
from steerstack.trace.plain import Nudge, plain_logits, planned
from steerstack_plugins.backends.vllm_model.model import VllmModel

WIDEST = 1024
"""Tokens of the widest window beyond which a plain pass is run."""

BEYOND = 19
"""Tokens after the window, all of which are compared."""


@dataclass(frozen=True, eq=False)
class BeyondWindow:
    """What plain passes give behind a window.

    Attributes
    ----------
    window:
        Its width, in tokens.
    text, plans:
        What was run.
    logp:
        Log-probabilities (nats) at the tokens after the window, under each plan.
    """

    window: int
    text: TokenSequence
    plans: tuple[Plan, ...]
    logp: list[Float[Tensor, "token vocab"]]

    @classmethod
    def of(cls, model: Model) -> BeyondWindow | None:
        """Run the plain passes: unsteered, and with all tokens before the end edited at the first block.

        None for a model whose longest proven text is not that of a window, or of one that is too wide.
        """
        window, positions = reach(model), context(model)
        if window is None or window not in windows(model).values() or window > WIDEST:
            return None
        if positions is not None and window + BEYOND >= positions:
            return None
        ids = trial_ids(model, window + BEYOND)
        text = TokenSequence(tuple(ids), len(ids) - 6, len(ids) - 3)
        edit = Nudge.drawn(Site("resid_post", 0), model.d_model, 1).on(Tokens("prompt"))
        plans = (Plan(), Plan((edit,)))
        logp = [plain_logits(model, text.ids, planned(plan, text))[-BEYOND:].log_softmax(-1).cpu() for plan in plans]
        return cls(window, text, plans, logp)

    def off(self, opened: VllmModel) -> float:
        """The largest difference (nats) of what vLLM gives; infinite where one is no number."""
        results = opened.all_logits([self.text] * len(self.plans), self.plans)
        by = max(
            float((one[-BEYOND:].log_softmax(-1) - other).abs().max())
            for one, other in zip(results, self.logp, strict=True)
        )
        return by if by == by else float("inf")
