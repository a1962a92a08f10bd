"""Features of sparse autoencoders, as vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, final

from steerstack.contracts import VectorFormat
from steerstack.errors import ExtractionError, VectorError
from steerstack_plugins.extraction.sae import CONFIG, WEIGHTS, parse_hook, read_config, read_row
from steerstack_plugins.formats.common.conversion import imported

if TYPE_CHECKING:
    from steerstack.steering.vector import SteeringVector


@final
class SaeLensFeature(VectorFormat):
    """``FOLDER#FEATURE``: the decoder row ``W_dec[FEATURE]`` of an autoencoder that SAELens saved.

    The row as it is, not normalised, at the hook that ``cfg.json`` names (``blocks.L.hook_resid_post`` is the
    output of the 0-based block L). Steering with SAELens adds coefficient times the row there. The
    extractor ``sae`` gives the same row, and downloads too. An autoencoder of one feature needs no ``#``.
    """

    name = "saelens"
    convention = "W_dec[feature] at the hook named in cfg.json (0-based block), as it is, times a coefficient."

    def recognises(self, path: Path) -> bool:
        """Whether it is a folder, or a file, of an autoencoder's weights with its config."""
        config, weights, _ = _parts(path)
        return config.is_file() and weights.is_file() and (weights.name == WEIGHTS or "#" in path.name)

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """One row."""
        from steerstack.steering.vector_file import refuse_pickle

        config, weights, feature = _parts(path)
        if not weights.is_file():
            raise VectorError(f"There is no {weights}.", fix="Give the folder that SAELens saved.")
        refuse_pickle(weights)
        try:
            about = read_config(config) if config.is_file() else {}
            row, count = read_row(weights, feature or 0)
        except ExtractionError as error:
            raise VectorError(error.happened, seen=error.seen, fix=error.fix) from error
        if feature is None and count > 1:
            raise VectorError(f"{weights} holds {count} features.", fix=f"Say which: {path}#0 to {path}#{count - 1}.")
        component, hook_layer = parse_hook(str(about.get("hook_name") or "")) or ("resid_post", None)
        number = hook_layer if hook_layer is not None else layer
        if number is None:
            raise VectorError(f"{config} names no hook that is known.", fix="Give the layer with --layer.")
        name = about.get("model_name")
        return imported(
            self.name,
            path,
            {number: row},
            n_layers=self.n_layers,
            component=component,
            model_name=name,
            feature=feature or 0,
            features=count,
        )

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Not possible: a direction is not an autoencoder."""
        raise VectorError("A vector cannot be written as an autoencoder.", fix="Choose another format.")


def _parts(path: Path) -> tuple[Path, Path, int | None]:
    """Config, weights and feature."""
    base, sharp, number = str(path).rpartition("#")
    feature = int(number) if sharp and number.isdecimal() else None
    place = Path(base) if feature is not None else path
    return (place / CONFIG, place / WEIGHTS, feature) if place.is_dir() else (place.parent / CONFIG, place, feature)
