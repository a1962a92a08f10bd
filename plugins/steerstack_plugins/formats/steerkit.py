"""Probes of steerkit, as vectors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, final

from steerstack.contracts import VectorFormat
from steerstack.errors import VectorError
from steerstack_plugins.formats.common.conversion import check_addition, imported, one_layer
from steerstack_plugins.formats.common.safe_read import read_safetensors, succeeds

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from steerstack.steering.site import Component
    from steerstack.steering.vector import SteeringVector

WRITTEN = "diff_of_means"


@final
class SteerKit(VectorFormat):
    """``.probe.safetensors``: directions of several methods at one layer, with their metadata (schema 3).

    Read is the one of ``default_method``, which steerkit adds, times alpha, at ``blocks.L.hook_SITE`` of
    TransformerLens: 0-based block L; layer -1 is the embedding, here resid_pre of block 0. steerkit's own
    directions have norm 1; its calibrated ``auto_alpha`` is recorded, not applied. TransformerLens folds
    and centres weights: for models with LayerNorm the basis is the centred one, in which addition does the same
    (see :func:`steerstack.exchange.folded_basis.portability`). The final norm's output (layer n_layers) is not read.
    """

    name = "steerkit"
    convention = "direction.METHOD is added at blocks.L.hook_SITE of TransformerLens (0-based), times alpha."

    def recognises(self, path: Path) -> bool:
        """Whether it has directions and a hook site."""
        return path.suffix == ".safetensors" and succeeds(lambda: _open(path))

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """The direction of the default method."""
        directions, about = _open(path)
        method = about.get("default_method", "logistic")
        site = about["hook_site"]
        try:
            number = int(about["layer"])
            total = int(about.get("n_total_layers", number + 1))
        except ValueError as error:
            raise VectorError(f"{path} names no layer.", seen=str(error)[:80], fix="Export it again.") from error
        components: dict[str, Component] = {
            name: name  # type: ignore[misc]  # each is a component
            for name in ("resid_pre", "resid_post", "attn_out", "mlp_out")
        }
        if method not in directions or site not in components or number >= total or number < -1:
            raise VectorError(
                f"The probe {path} is not at a place that can be steered.",
                seen=f"{method} at {site}, layer {number} of {total}; directions {', '.join(directions)}",
                fix="Read are blocks' resid_pre, resid_post, attn_out and mlp_out, and the embedding.",
            )
        component: Component = "resid_pre" if number == -1 else components[site]
        return imported(
            self.name,
            path,
            {max(number, 0): directions[method]},
            component=component,
            model_name=about.get("model_id"),
            basis="transformer-lens",
            method=method,
            auto_alpha=about.get("auto_alpha"),
        )

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write one layer, with its norm, as the direction ``diff_of_means``."""
        from safetensors.torch import save

        from steerstack.steering.vector_file import own_float32
        from steerstack.util.files import write_atomically

        check_addition(vector, self.name)
        layer, direction = one_layer(vector.directions, self.name)
        if vector.component == "head_out":
            raise VectorError("steerkit knows no directions of heads.", fix="Use attn_out.")
        total = int(vector.origin.found.get("n_layers", layer + 1))
        about: dict[str, Any] = {
            "schema_version": 3,
            "layer": layer,
            "n_total_layers": total,
            "normalized_depth": f"{(layer + 1) / (total + 1):.6f}",
            "model_id": vector.origin.model_name,
            "hook_site": vector.component,
            "hook_name": f"blocks.{layer}.hook_{vector.component}",
            "default_method": WRITTEN,
            "auto_alpha": "",
            "bias_json": "{}",
            "metrics_json": "{}",
            "created_at": "",
            "extras_json": "{}",
        }
        tensors = {f"direction.{WRITTEN}": own_float32(direction)}
        write_atomically(path, save(tensors, metadata={key: str(value) for key, value in about.items()}))


def _open(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    tensors, about = read_safetensors(path)
    matches = {name: re.fullmatch(r"direction\.([a-z_]+)", name) for name in tensors}
    directions = {match[1]: tensors[name] for name, match in matches.items() if match}
    if not directions or not {"layer", "hook_site"} <= set(about):
        raise VectorError(f"{path} is not a probe of steerkit.", seen=", ".join(tensors) or "no tensors")
    return directions, about
