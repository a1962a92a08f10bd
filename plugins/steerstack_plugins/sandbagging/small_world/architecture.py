"""Of which family and size the model of a world is: decided by the world's number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import nn

POSITIONS = 1024
"""Longest conversation, in tokens, of families that rotate queries and keys."""

LEARNED_POSITIONS = 256
"""Of the family that learns an embedding for each position: the training texts have up to a hundred."""


@dataclass(frozen=True)
class Architecture:
    """A small causal language model.

    Attributes
    ----------
    family:
        ``llama`` and ``qwen2`` (rotated queries and keys, RMS norms, gated MLPs; the latter with biases), ``gpt2``
        (learned positions, layer norms, GELU).
    layers, width, heads:
        Blocks, width of the residual stream, attention heads.
    """

    family: Literal["llama", "qwen2", "gpt2"]
    layers: int
    width: int
    heads: int

    @property
    def name(self) -> str:
        """Family, blocks and width, such as ``llama-3x64``."""
        return f"{self.family}-{self.layers}x{self.width}"

    def module(self, tokenizer: Any) -> nn.Module:
        """The untrained model, as torch's global generator draws it.

        Parameters
        ----------
        tokenizer:
            Decides the vocabulary and the marks.
        """
        from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, Qwen2Config

        common: dict[str, Any] = {
            "vocab_size": len(tokenizer),
            "tie_word_embeddings": False,
            "bos_token_id": None,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        }
        config: Any
        if self.family == "gpt2":
            config = GPT2Config(
                n_embd=self.width, n_layer=self.layers, n_head=self.heads, n_positions=LEARNED_POSITIONS,
                n_inner=2 * self.width, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, **common,
            )  # fmt: skip
        else:
            kind = LlamaConfig if self.family == "llama" else Qwen2Config
            config = kind(
                hidden_size=self.width,
                intermediate_size=2 * self.width,
                num_hidden_layers=self.layers,
                num_attention_heads=self.heads,
                num_key_value_heads=self.heads,
                max_position_embeddings=POSITIONS,
                **common,
            )
        module: nn.Module = AutoModelForCausalLM.from_config(config)
        return module


USUAL = Architecture("llama", 3, 64, 4)
"""Of the worlds below a hundred."""

VARIED = (
    USUAL,
    Architecture("llama", 2, 96, 4),
    Architecture("llama", 4, 48, 4),
    Architecture("qwen2", 3, 64, 4),
    Architecture("gpt2", 3, 64, 4),
    Architecture("llama", 2, 64, 4),
)
"""Of the worlds from a hundred on, in turn."""


def architecture_of(world: int) -> Architecture:
    """The architecture of a world: the usual one below 100, and from there on that of the number's remainder by 6."""
    return USUAL if world < 100 else VARIED[(world - 100) % len(VARIED)]
