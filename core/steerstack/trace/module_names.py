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
    # the norm before the unembedding
    "model.norm": "ln_final",
    "model.final_layernorm": "ln_final",
    "transformer.ln_f": "ln_final",
    "gpt_neox.final_layer_norm": "ln_final",
    "model.decoder.final_layer_norm": "ln_final",
    "model.language_model.norm": "ln_final",
}
"""Native module path to standard name."""

ATTENTION: tuple[str, ...] = ("self_attn", "attn", "attention", "self_attention")
"""Names of the attention sublayer inside a block."""

PROJECTION: tuple[str, ...] = ("o_proj", "out_proj", "c_proj", "dense")
"""Names of the output projection inside the attention sublayer: its input is the heads' outputs."""

MLP: tuple[str, ...] = ("mlp", "block_sparse_moe", "feed_forward", "fc2")
"""Names of the feed-forward sublayer inside a block (OPT keeps its matrices in the block)."""

INNER: dict[str, dict[str, str]] = {
    "bloom": {"attn_out": "self_attention.dense", "mlp_out": "mlp.dense_4h_to_h"},
}
"""Where the sublayer module's own output already holds the residual (Bloom adds it inside):
the module whose output is what the sublayer adds. Keyed by ``config.model_type``."""
