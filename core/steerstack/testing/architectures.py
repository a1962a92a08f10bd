"""Every decoder-only text model type of the installed transformers, as a tiny random model.

The types are read off transformers, not listed here: one that a later version brings is tried
too. A type that cannot be made small by the common names of its config's fields is left out,
and :func:`small_config` says why.
"""

import inspect
import re
from typing import Any

import torch
from transformers import CONFIG_MAPPING, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

_MEDIA = re.compile("vision|audio|image|speech|codec|encoder|vq|patcher")

WIDTH, LAYERS, HEADS, VOCAB = 32, 4, 4, 300

WINDOW = 24
"""Tokens of a sliding window or chunk, where the type has one: less than most trials have."""

LARGEST = 3_000_000
"""Parameters of the largest model that is still tiny."""

SMALL: dict[str, Any] = {
    "vocab_size": VOCAB, "vocab_size_per_layer_input": VOCAB, "max_position_embeddings": 512, "n_positions": 512,
    "n_ctx": 512, "max_seq_len": 512, "pad_token_id": None, "bos_token_id": None, "eos_token_id": None,
    "hidden_size": WIDTH, "n_embd": WIDTH, "d_model": WIDTH, "word_embed_proj_dim": WIDTH, "embedding_size": WIDTH,
    "num_hidden_layers": LAYERS, "num_layers": LAYERS, "n_layer": LAYERS, "n_layers": LAYERS, "decoder_layers": LAYERS,
    "num_attention_heads": HEADS, "num_heads": HEADS, "n_head": HEADS, "n_heads": HEADS, "attention_heads": HEADS,
    "num_key_value_heads": 2, "head_dim": 8, "rotary_dim": 8,
    "intermediate_size": 64, "intermediate_size_mlp": 64, "ffn_dim": 64, "n_inner": 64, "dff": 64,
    "shared_intermediate_size": 64,
    # mixtures of experts
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "moe_num_experts": 4, "num_experts_per_tok": 2,
    "num_experts_per_token": 2, "moe_k": 2, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32,
    "moe_shared_expert_intermediate_size": 32, "n_shared_experts": 1, "moe_num_shared_experts": 1,
    "num_shared_experts": 1,
    "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "num_dense_layers": 1, "num_mtp_layers": 0,
    # latent attention
    "kv_lora_rank": 16, "q_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8,
    "hidden_size_per_layer_input": 8, "num_kv_shared_layers": 0,
    # windows and chunks
    "sliding_window": WINDOW, "attention_chunk_size": WINDOW, "window_size": WINDOW, "attention_window_size": WINDOW,
    "local_attention": 2 * WINDOW,
    # recurrent and linear layers
    "state_size": 16, "ssm_state_size": 16, "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2, "expand": 2,
    "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_num_heads": 4, "mamba_head_dim": 16, "n_mamba_heads": 2,
    "mamba_n_groups": 1, "n_groups": 1, "mamba_d_ssm": 64, "mamba_ngroups": 1, "chunk_size": 16, "mamba_chunk_size": 16,
    "block_size": 16, "lru_width": WIDTH, "attention_hidden_size": WIDTH,
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "linear_head_dim": 8, "linear_num_heads": 4,
}  # fmt: skip
"""Small values by the name of a config's field; a type takes those that it knows."""

_HYBRID = ["linear_attention", "full_attention"] * 2

OWN: dict[str, dict[str, Any]] = {
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "mamba2": {"num_heads": 4, "head_dim": 16},
    "zamba2": {"layers_block_type": ["linear_attention", "hybrid"] * 2, "num_key_value_heads": HEADS},
    "zamba": {
        "layers_block_type": ["linear_attention", "hybrid"] * 2,
        "num_key_value_heads": HEADS,
        "attention_hidden_size": 2 * WIDTH,
        "attention_head_dim": 16,
        "use_mamba_kernels": False,
    },
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "use_mamba_kernels": False},
    "bamba": {"attn_layer_indices": [1, 3]},
    "granitemoehybrid": {"layer_types": _HYBRID},
    "lfm2": {"layer_types": ["conv", "full_attention"] * 2},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
    "minimax": {"layer_types": _HYBRID},
    "nemotron_h": {
        "num_hidden_layers": None,
        "layers_block_type": ["linear_attention", "full_attention", "mlp", "moe"],
        "use_mamba_kernels": False,
    },
    "qwen3_next": {"layer_types": _HYBRID},
    "qwen3_5_text": {"layer_types": _HYBRID},
    "recurrent_gemma": {"block_types": ["recurrent", "attention"]},
    "cwm": {"bos_token_id": 0, "eos_token_id": 0},
    "modernbert-decoder": dict.fromkeys(
        ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 0
    ),
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "clip_qkv": 8.0},
        "ffn_config": {"hidden_size": WIDTH, "ffn_hidden_size": 32, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "falcon": {"num_kv_heads": 4},
    "minicpm3": {"num_key_value_heads": HEADS, "head_dim": None},
    "zaya": {"num_experts_per_tok": 1},
    "gemma3n_text": {"layer_types": ["sliding_attention", "full_attention"] * 2, "laurel_rank": 8},
    "rwkv": {"attention_hidden_size": WIDTH, "context_length": 512},
}  # fmt: skip
"""What single types need beside or in place of :data:`SMALL`."""


def types() -> list[str]:
    """The model types that transformers offers as causal language models of text alone, decoders only."""
    names = []
    for name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        cls = CONFIG_MAPPING[name]
        mixed = any(_MEDIA.search(part) for part in getattr(cls, "sub_configs", {}))
        if not (mixed or _encodes(cls)):
            names.append(name)
    return names


def _encodes(cls: type[PreTrainedConfig]) -> bool:
    """Whether a type is an encoder, or has one beside its decoder."""
    fields = _fields(cls)
    encoder = {"encoder_layers", "num_encoder_layers", "is_encoder_decoder", "type_vocab_size", "n_langs"} & fields
    own = encoder - {"is_encoder_decoder"} or getattr(cls, "is_encoder_decoder", False) is True
    return bool(own) and cls.model_type not in ("biogpt",)


def _fields(cls: type[PreTrainedConfig]) -> set[str]:
    return set(inspect.signature(cls).parameters) | set(getattr(cls, "__dataclass_fields__", {}))


def small_config(name: str) -> PreTrainedConfig:
    """The small config of a type.

    Raises
    ------
    Exception
        Whatever transformers raises where the config cannot be made so small.
    """
    cls = CONFIG_MAPPING[name]
    fields = _fields(cls)
    values = {field: value for field, value in SMALL.items() if field in fields} | OWN.get(name, {})
    if "kv_lora_rank" in fields:  # heads of latent attention share no keys
        values["num_key_value_heads"] = HEADS
    return cls(**{field: value for field, value in values.items() if value is not None or field.endswith("token_id")})


def small_model(config: PreTrainedConfig, *, seed: int = 0) -> Any:
    """A random model of a config, in float32, with visibly non-zero weights; None where it is not small."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        skeleton = AutoModelForCausalLM.from_config(config)
    if sum(weight.numel() for weight in skeleton.parameters()) > LARGEST:
        return None
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1 and not any(part in name for part in ("norm", "ln_", "A_log", "time_")):
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.15)
    return model.eval()
