"""``.svec`` files of CAST (activation-steering) and of steerability."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, final

from steerstack.contracts import VectorFormat
from steerstack.errors import VectorError
from steerstack_plugins.formats.common.conversion import check_addition, imported, model_type
from steerstack_plugins.formats.common.layers import whole_numbers
from steerstack_plugins.formats.common.safe_read import read_json, succeeds

if TYPE_CHECKING:
    from pathlib import Path

    from steerstack.steering.site import Component
    from steerstack.steering.vector import SteeringVector

LOCATIONS: dict[str, Component] = {"layer_input": "resid_pre", "layer_output": "resid_post"}


@final
class Svec(VectorFormat):
    """JSON: ``model_type``, ``directions`` by layer, ``explained_variances``, and in newer files ``meta``.

    CAST (arXiv 2409.05907) writes lists [d_model], reads them from the output of block L and adds them to
    the *input* of block L, one block earlier; they are read here where CAST acts: at resid_pre. It needs
    ``explained_variances``. steerability writes [K, d_model] and adds at ``meta.location``, the block's
    output unless it says otherwise; K above 1 (positions, heads, planes) is not read. The strength is given
    when they are applied. CAST may also restore norms (``use_ooi_preventive_normalization``), which
    is a choice of the run and not in the file.
    """

    name = "svec"
    suffixes = (".svec",)
    convention = "[d]: input of the 0-based block L (CAST); [1, d]: its output (steerability), unless meta says; as is."

    def recognises(self, path: Path) -> bool:
        """Whether it is JSON with directions."""
        return path.suffix == ".svec" and succeeds(lambda: _directions(path, read_json(path)))

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """All layers."""
        content = read_json(path)
        directions, nested = _directions(path, content)
        meta = content.get("meta") or {}
        if not isinstance(meta, dict):
            raise VectorError(f"The meta of {path} is no object.", seen=type(meta).__name__, fix="Export it again.")
        location = meta.get("location") or ("layer_output" if nested else "layer_input")
        if not isinstance(location, str) or location not in LOCATIONS:
            raise VectorError(f"{path} is for {location!r}.", fix=f"Known: {', '.join(LOCATIONS)}.")
        return imported(
            self.name,
            path,
            directions,
            n_layers=self.n_layers,
            component=LOCATIONS[location],
            model_type=content.get("model_type"),
            explained_variances=content.get("explained_variances"),
        )

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write vectors at resid_pre as CAST does, and those at resid_post as steerability does."""
        from steerstack.util.files import write_atomically

        check_addition(vector, self.name)
        location = {component: location for location, component in LOCATIONS.items()}.get(vector.component)
        if location is None:
            raise VectorError(
                "A .svec file holds directions of the residual stream.", seen=vector.component, fix="Use resid_post."
            )
        lists = {str(layer): vector[layer].detach().cpu().float().tolist() for layer in vector.layers}
        content = {
            "model_type": model_type(vector) or "unknown",
            "directions": lists if location == "layer_input" else {layer: [row] for layer, row in lists.items()},
            "explained_variances": dict.fromkeys(lists, 1.0),
            "meta": {"location": location},
        }
        write_atomically(path, json.dumps(content))


def _directions(path: Path, found: dict[str, Any]) -> tuple[dict[int, Any], bool]:
    """Directions by layer, and whether they were written as [1, d_model]."""
    import torch

    try:
        entries = whole_numbers(path, found["directions"].items())
        rows = {layer: torch.tensor(row, dtype=torch.float32) for layer, row in entries.items()}
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RuntimeError) as error:
        raise VectorError(f"{path} holds no directions.", seen=str(error), fix="Export it again.") from error
    nested = {row.ndim for row in rows.values()} == {2}
    if not rows or any(row.ndim > 2 or (row.ndim == 2 and len(row) != 1) for row in rows.values()):
        raise VectorError(
            f"{path} holds several directions a layer.",
            seen=str({layer: tuple(row.shape) for layer, row in rows.items()}),
            fix="Only one direction [d_model] a layer can be read.",
        )
    return {layer: row.reshape(-1) for layer, row in rows.items()}, nested
