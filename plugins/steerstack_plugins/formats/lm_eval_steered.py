"""The files of lm-evaluation-harness' model ``steered``."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, final

from steerstack.contracts import VectorFormat
from steerstack.errors import VectorError
from steerstack_plugins.formats.common.conversion import check_direction, imported, model_type, strength
from steerstack_plugins.formats.common.safe_read import read_torch, succeeds

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from steerstack.steering.site import Component
    from steerstack.steering.vector import SteeringVector

BLOCKS = {"gpt2": "h", "bloom": "h", "falcon": "h", "gptj": "h", "opt": "decoder.layers"}
"""Where ``model.base_model`` keeps its blocks, by model type; ``layers`` elsewhere."""

_HOOK = re.compile(r"(?:[\w.]+\.)?(?:layers|h)\.(\d+)(?:\.(self_attn|attn|attention|self_attention|mlp))?")


@final
class LmEvalSteered(VectorFormat):
    """A ``.pt`` dict from the name of a module to what is done to its output, at all positions.

    ``add`` adds ``steering_coefficient * steering_vector``; read, the coefficient is part of the
    direction. ``clamp`` sets the coordinate of ``h - bias`` along the unit vector to the coefficient; read, it
    becomes the edit ``ace``, which at scale 1 does just that. Names are those of
    ``model.base_model.named_modules()``: ``layers.3`` (GPT-2: ``h.3``) is the output of the 0-based block 3.
    Written are names of ``model_type``, or else ``layers.N``, as in most models.
    """

    name = "lm-eval"
    convention = "Output of the module named (0-based block or sublayer), vector times coefficient, at all positions."

    def recognises(self, path: Path) -> bool:
        """Whether it is a dict of hookpoints."""
        return path.suffix in (".pt", ".pth") and succeeds(lambda: _entries(path))

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """All hookpoints, which must be of one kind."""
        return as_vector(self.name, path, _entries(path))

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write every layer as an ``add`` of coefficient 1, or as a ``clamp`` for the edit ``ace``."""
        import torch

        from steerstack.util.files import write_atomically

        inner = {"resid_post": "", "attn_out": ".self_attn", "mlp_out": ".mlp"}.get(vector.component)
        kind = model_type(vector) or ""
        if vector.edit not in ("add", "ace") or inner is None:
            raise VectorError(
                "lm-eval adds to, or clamps, outputs of blocks, attention and MLP.",
                seen=f"{vector.edit} at {vector.component}",
                fix="Save it as it is, with format steerstack.",
            )
        if kind in BLOCKS and inner == ".self_attn":
            inner = {"gpt2": ".attn", "gptj": ".attn"}.get(kind, ".self_attention")
        entries = {}
        for layer in vector.layers:
            direction, coefficient = vector[layer].detach().cpu().float().clone(), 1.0
            if vector.edit == "ace":
                mean = vector.part("mean", layer).float()
                coefficient = float(mean @ direction / direction.norm() + direction.norm())
            entries[f"{BLOCKS.get(kind, 'layers')}.{layer}{inner}"] = {
                "steering_vector": direction,
                "steering_coefficient": coefficient,
                "action": "add" if vector.edit == "add" else "clamp",
                "bias": None,
                "head_index": None,
            }
        buffer = io.BytesIO()
        torch.save(entries, buffer)
        write_atomically(path, buffer.getvalue())


def as_vector(format: str, path: Path, entries: dict[str, dict[str, Any]]) -> SteeringVector:
    """What entries by hookpoint do, as one vector; raises VectorError where no one vector does it."""
    sites = {hookpoint: _site(hookpoint) for hookpoint in entries}
    acts = {(sites[hookpoint][0], str(entry["action"])) for hookpoint, entry in entries.items()}
    if len(acts) > 1 or len({layer for _, layer in sites.values()}) < len(entries):
        raise VectorError(
            f"{path} acts at several components, or in several ways.", seen=str(sorted(acts)), fix="Split the file."
        )
    ((component, action),) = acts
    if any(entry.get("head_index") is not None for entry in entries.values()):
        raise VectorError(f"{path} acts on single heads.", fix="Only whole outputs can be read.")
    vectors = {sites[hook][1]: _vector(path, hook, entry) for hook, entry in entries.items()}
    strengths = {
        sites[hook][1]: strength(path, entry.get("steering_coefficient", 1.0), f"coefficient at {hook}")
        for hook, entry in entries.items()
    }
    if action == "add":
        directions = {number: strengths[number] * vector for number, vector in vectors.items()}
        return imported(format, path, directions, component=component)
    means = {}
    for hookpoint, entry in entries.items():
        number = sites[hookpoint][1]
        vector, bias = vectors[number], entry.get("bias")
        if not bool(vector.any()):
            raise VectorError(f"{path} clamps along a direction of zeros.", seen=hookpoint, fix="Export it again.")
        means[number] = (strengths[number] - vector.norm()) * vector / vector.norm()
        if bias is not None:
            check_direction(path, number, bias)
            means[number] = means[number] + bias.float()
    return imported(format, path, vectors, component=component, edit="ace", parts={"mean": means})


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    entries = read_torch(path)
    if not (
        isinstance(entries, dict)
        and entries
        and all(
            isinstance(name, str)
            and isinstance(e, dict)
            and "steering_vector" in e
            and isinstance(e.get("action"), str)
            and e["action"] in ("add", "clamp")
            for name, e in entries.items()
        )
    ):
        raise VectorError(f"{path} is not a file of lm-eval's steered model.", seen=type(entries).__name__)
    return entries


def _vector(path: Path, hookpoint: str, entry: dict[str, Any]) -> Tensor:
    import torch

    vector = entry["steering_vector"]
    if isinstance(vector, torch.Tensor) and vector.ndim == 2 and len(vector) == 1:
        vector = vector[0]
    check_direction(path, hookpoint, vector)
    return vector.detach().float()  # type: ignore[no-any-return]  # just checked


def _site(hookpoint: str) -> tuple[Component, int]:
    match = _HOOK.fullmatch(hookpoint)
    if match is None:
        raise VectorError(
            f"The hookpoint {hookpoint!r} is not known.", fix="Known: layers.N, h.N, their mlp and attention."
        )
    component: Component = "resid_post" if match[2] is None else "mlp_out" if match[2] == "mlp" else "attn_out"
    return component, int(match[1])
