"""Tiny random language models of many architectures, and a tokenizer for them."""

from collections.abc import Callable
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    FalconConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    Olmo2Config,
    OPTConfig,
    PhiConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

WIDTH, LAYERS, HEADS, VOCAB = 32, 4, 4, 300

_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_tokenizer(*, chat: bool = True) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer: each byte a token, plus the ChatML markers, Yes and No. No download."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {symbol: index for index, symbol in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|im_end|>")
    fast.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    fast.add_tokens(["Yes", "No", " Yes", " No"])
    if chat:
        fast.chat_template = _CHATML
    return fast


def _rope(cls: type, **more: Any) -> Callable[[], Any]:
    return lambda: cls(
        hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=64,
        vocab_size=VOCAB, max_position_embeddings=4096, **more,
    )  # fmt: skip


_GROUPED = {"num_key_value_heads": 2}

ARCHITECTURES: dict[str, Callable[[], Any]] = {
    "llama": _rope(LlamaConfig, **_GROUPED),
    "qwen2": _rope(Qwen2Config, **_GROUPED),
    "qwen3": _rope(Qwen3Config, head_dim=8, **_GROUPED),
    "mistral": _rope(MistralConfig, sliding_window=64, **_GROUPED),
    "mixtral": _rope(MixtralConfig, num_local_experts=4, num_experts_per_tok=2, **_GROUPED),
    "gemma2": _rope(Gemma2Config, head_dim=8, sliding_window=64, **_GROUPED),
    "gemma3": _rope(Gemma3TextConfig, head_dim=8, sliding_window=64, **_GROUPED),
    "phi": _rope(PhiConfig),
    "olmo2": _rope(Olmo2Config, **_GROUPED),
    "gpt_neox": _rope(GPTNeoXConfig),
    "gpt2": lambda: GPT2Config(n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, vocab_size=VOCAB, n_positions=512),
    "opt": lambda: OPTConfig(
        hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, ffn_dim=64,
        vocab_size=VOCAB, max_position_embeddings=512, word_embed_proj_dim=WIDTH,
    ),
    "bloom": lambda: BloomConfig(hidden_size=WIDTH, n_layer=LAYERS, n_head=HEADS, vocab_size=VOCAB),
    "falcon": lambda: FalconConfig(
        hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, vocab_size=VOCAB
    ),
}  # fmt: skip
"""Architecture name to a function that makes its tiny config."""


def tiny_model(architecture: str = "llama", *, seed: int = 0) -> nn.Module:
    """A tiny random model of an architecture, in float32, with visibly non-zero weights."""
    torch.manual_seed(seed)
    config = ARCHITECTURES[architecture]()
    config.pad_token_id = config.eos_token_id = config.bos_token_id = None
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name and "ln_" not in name and parameter.ndim > 1:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.15)
    return model.eval()


__all__ = ["ARCHITECTURES", "tiny_model", "tiny_tokenizer"]
