"""Standard module names over every architecture, as nnsight aliases.

A name that does not occur in a model is ignored by nnsight, so one table serves all.
"""

ALIASES: dict[str | type, str | list[str]] = {
    # the list of blocks
    "model.layers": "layers",
    "transformer.h": "layers",
    "gpt_neox.layers": "layers",
    "model.decoder.layers": "layers",
    "model.language_model.layers": "layers",
    "backbone.layers": "layers",
    "transformer.blocks": "layers",
    "rwkv.blocks": "layers",
    "biogpt.layers": "layers",
    # the norm before the unembedding
    "model.norm": "ln_final",
    "model.final_layernorm": "ln_final",
    "transformer.ln_f": "ln_final",
    "gpt_neox.final_layer_norm": "ln_final",
    "model.decoder.final_layer_norm": "ln_final",
    "model.language_model.norm": "ln_final",
    "backbone.norm_f": "ln_final",
    "transformer.norm_f": "ln_final",
    "transformer.layernorm": "ln_final",
    "rwkv.ln_out": "ln_final",
    "biogpt.layer_norm": "ln_final",
    "model.final_norm": "ln_final",
    "model.embedding_norm": "ln_final",
    # the unembedding
    "lm_head": "unembedding",
    "head": "unembedding",
    "output_projection": "unembedding",
    "embed_out": "unembedding",
}
"""Native module path to standard name."""

ATTENTION: tuple[str, ...] = ("self_attn", "attn", "attention", "self_attention", "multi_head_attention")
"""Names of the attention sublayer inside a block."""

PROJECTION: tuple[str, ...] = ("o_proj", "out_proj", "c_proj", "dense")
"""Names of the output projection inside the attention sublayer: its input is the heads' outputs."""

MLP: tuple[str, ...] = ("mlp", "block_sparse_moe", "feed_forward", "fc2", "ffn", "moe", "mlp_block")
"""Names of the feed-forward sublayer inside a block (OPT keeps its matrices in the block)."""

BESIDE: tuple[str, ...] = ("shared_mlp", "shared_expert", "shared_experts", "experts")
"""Names of what a block adds to its feed-forward sublayer by itself: then no module holds their sum."""

EXPERTS: tuple[str, ...] = ("experts", "router")
"""Names of what a mixture of experts holds."""

MIXER: tuple[str, ...] = ("mixer", "temporal_block")
"""Names of a sublayer that is attention in one block and something else in another."""

QUERY: tuple[str, ...] = ("q_proj", "qkv_proj")
"""What tells by its name that a mixer is attention."""

RECURRENT: tuple[str, ...] = ("conv1d", "conv_1d", "A_log", "dt_proj")
"""What tells by its name that a mixer is recurrent: neither attention nor feed-forward."""

INNER: dict[str, dict[str, str]] = {
    "bloom": {"attn_out": "self_attention.dense", "mlp_out": "mlp.dense_4h_to_h"},
}
"""Where the sublayer module's own output already holds the residual (Bloom adds it inside):
the module whose output is what the sublayer adds. Keyed by ``config.model_type``."""
