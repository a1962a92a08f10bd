"""An addition at every position, as a LoRA adapter that peft loads: nothing but biases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, final

from steerstack.contracts import VectorFormat
from steerstack.errors import VectorError
from steerstack_plugins.formats.common.conversion import check_addition, config, imported, model_type, strength
from steerstack_plugins.formats.common.layers import whole_numbers
from steerstack_plugins.formats.common.safe_read import read_json, read_safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from steerstack.steering.site import Component
    from steerstack.steering.vector import SteeringVector

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

_LLAMA = ("model.layers", "self_attn.o_proj", "mlp.down_proj")
LAYOUTS = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), _LLAMA),
    "gpt2": ("transformer.h", "attn.c_proj", "mlp.c_proj"),
    "gpt_neox": ("gpt_neox.layers", "attention.dense", "mlp.dense_4h_to_h"),
    "phi": ("model.layers", "self_attn.dense", "mlp.fc2"),
}
"""By model type: the blocks, and the last linear maps of attention and MLP, whose outputs go into the stream as they
are. Not those of Gemma and OLMo 2, where a norm follows, nor mixtures of experts."""

_PREFIX = "base_model.model."
_KEY = re.compile(re.escape(_PREFIX) + r"(.+)\.(\d+)\.([\w.]+)\.lora_(A|B)\.(weight|bias)")


@final
class PeftBias(VectorFormat):
    """A folder with a LoRA adapter of rank 1 whose matrices are zero and whose ``lora_B.bias`` is the direction.

    The bias is added to the output of the last linear map of the MLP (for resid_post and mlp_out) or of the
    attention (for attn_out) in the 0-based block, at *every* position: the same as ``tokens="all"``, and not the same
    as steering only the response. The strength is baked in. peft 0.14 and later loads it
    (``lora_bias``); it cannot be merged into maps that have no bias of their own. Reading it back
    gives mlp_out or attn_out.
    """

    name = "peft"
    convention = "lora_B.bias is added to the MLP's or attention's output in the 0-based block, at all positions."

    def recognises(self, path: Path) -> bool:
        """Whether it is a folder, or the weights in one, of an adapter with biases."""
        folder = path if path.is_dir() else path.parent
        if not (folder / CONFIG).is_file() or (path.is_file() and path.name != WEIGHTS):
            return False
        try:
            return bool(read_json(folder / CONFIG).get("lora_bias"))
        except VectorError:
            return False

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """The biases; raises VectorError where the matrices of the adapter are not zero."""
        weights = path / WEIGHTS if path.is_dir() else path
        tensors, _ = read_safetensors(weights)
        keys = {name: _KEY.fullmatch(name) for name in tensors}
        changes = [
            name for name, key in keys.items() if key and key[5] == "weight" and key[4] == "B" and tensors[name].any()
        ]
        inner = {key[3] for key in keys.values() if key}
        if changes or len(inner) != 1 or not all(keys.values()):
            raise VectorError(
                f"{weights} does more than add one direction a layer.",
                seen=", ".join(sorted(changes or inner)[:3]) or "no LoRA tensors",
                fix="Only adapters whose matrices are zero can be read as vectors.",
            )
        scaling = _scaling(weights, read_json(weights.parent / CONFIG)) if (weights.parent / CONFIG).is_file() else 1.0
        biases = whole_numbers(weights, ((key[2], tensors[n]) for n, key in keys.items() if key and key[5] == "bias"))
        directions = {layer: scaling * bias.float() for layer, bias in biases.items()}
        if not directions:
            raise VectorError(f"{weights} holds no biases.", seen=", ".join(tensors))
        component = _component(weights, inner.pop())
        return imported(self.name, weights, directions, n_layers=self.n_layers, component=component)

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write the folder; raises VectorError for model types whose blocks do not end so."""
        import torch
        from safetensors.torch import save

        from steerstack.steering.vector_file import own_float32
        from steerstack.util.files import write_atomically, write_json

        check_addition(vector, self.name)
        kind, about = model_type(vector) or "unknown", config(vector)
        place = {"attn_out": 1, "mlp_out": 2, "resid_post": 2}.get(vector.component)
        if kind not in LAYOUTS or place is None or not about:
            raise VectorError(
                f"A vector at {vector.component} of a model of type {kind} cannot be written as biases.",
                seen="" if about else "nothing about the widths of the model's maps",
                fix=f"Say --model; known are {', '.join(LAYOUTS)}, and the components attn_out, mlp_out, resid_post.",
            )
        blocks, inner = LAYOUTS[kind][0], LAYOUTS[kind][place]
        width = _fan_in(about, attention=place == 1)
        modules = {layer: f"{blocks}.{layer}.{inner}" for layer in vector.layers}
        tensors = {}
        for layer, module in modules.items():
            tensors[f"{_PREFIX}{module}.lora_A.weight"] = torch.zeros(1, width)
            tensors[f"{_PREFIX}{module}.lora_B.weight"] = torch.zeros(vector.d_model, 1)
            tensors[f"{_PREFIX}{module}.lora_B.bias"] = own_float32(vector[layer])
        adapter = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": vector.origin.model_name,
            "inference_mode": True,
            "r": 1,
            "lora_alpha": 1,
            "lora_dropout": 0.0,
            "lora_bias": True,
            "bias": "none",
            "fan_in_fan_out": kind == "gpt2",
            "target_modules": sorted(modules.values()),
        }
        write_atomically(path / WEIGHTS, save(tensors, metadata={"format": "pt"}))
        write_json(path / CONFIG, adapter)


def _component(path: Path, module: str) -> Component:
    """What the output of a linear map is; raises VectorError for one that does not end a sublayer."""
    for _, attention, mlp in LAYOUTS.values():
        if module in (attention, mlp):
            return "attn_out" if module == attention else "mlp_out"
    raise VectorError(
        f"{path} adds to a map that ends neither attention nor MLP.",
        seen=module,
        fix=f"Known: {', '.join(sorted({name for _, *names in LAYOUTS.values() for name in names}))}.",
    )


def _fan_in(about: dict[str, Any], *, attention: bool) -> int:
    """Width of what the last linear map reads."""
    hidden = int(about.get("hidden_size") or about["n_embd"])
    if not attention:
        return int(about.get("intermediate_size") or about.get("n_inner") or 4 * hidden)
    heads = int(about.get("num_attention_heads") or about["n_head"])
    return heads * int(about.get("head_dim") or hidden // heads)


def _scaling(path: Path, config: dict[str, Any]) -> float:
    """What peft multiplies the bias by."""
    rank = strength(path, config.get("r", 1), "rank")
    if rank < 1:
        raise VectorError(f"The rank of {path} is no rank.", seen=str(rank), fix="A rank is 1 or more.")
    return strength(path, config.get("lora_alpha", 1), "lora_alpha") / (rank**0.5 if config.get("use_rslora") else rank)
