"""How the next token is chosen, and when an answer ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steerstack.engine.overflow import check_logits
from steerstack.trace.model import Model


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    Attributes
    ----------
    max_new_tokens:
        Bound on the answer's length.
    temperature:
        0 takes the most likely token.
    top_p:
        Nucleus from which is drawn (Holtzman et al., arXiv 1904.09751).
    seed:
        Seed of the draws.
    stop:
        Texts that end an answer. It ends with the token that completes the first of them, which is kept.
    """

    max_new_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()

    def choose(self, logits: Float[Tensor, "row vocab"], generator: torch.Generator) -> Int[Tensor, " row"]:
        """The next token of each row; draws are made on the CPU, so that a seed means the same everywhere.

        Raises
        ------
        FloatingPointError
            The logits of a row are not finite, or all the same.
        """
        check_logits(logits)
        if self.temperature == 0:
            return logits.argmax(-1)
        probabilities = (logits.float() / self.temperature).softmax(-1).cpu()
        if self.top_p < 1:
            ordered, index = probabilities.sort(-1, descending=True)
            beyond = ordered.cumsum(-1) - ordered > self.top_p
            probabilities = torch.zeros_like(ordered).scatter(-1, index, ordered.masked_fill(beyond, 0))
        return torch.multinomial(probabilities, 1, generator=generator)[:, 0].to(logits.device)


def stop_tokens(model: Model) -> set[int]:
    """Tokens that end an answer, by the model's generation config or else its tokenizer."""
    config = getattr(model.module, "generation_config", None)
    stops = getattr(config, "eos_token_id", None)
    if stops is None:
        stops = model.tokenizer.eos_token_id
    return set(stops) if isinstance(stops, list) else {stops} if stops is not None else set()


def ending(model: Model, tokens: set[int], sampling: Sampling) -> Callable[[Sequence[int]], bool]:
    """A function that says of an answer's tokens whether its last one ends it, being one of ``tokens`` or by text."""
    texts = tuple(text for text in sampling.stop if text)
    # a token reads as a byte at least; one more, as some tokenizers drop the space in front of the first
    reach = 1 + max((len(text.encode()) for text in texts), default=0)

    def ended(answer: Sequence[int]) -> bool:
        if answer[-1] in tokens:
            return True
        if not texts:
            return False
        tail = model.tokenizer.decode(list(answer[-reach:]))
        return any(text in tail for text in texts)

    return ended
