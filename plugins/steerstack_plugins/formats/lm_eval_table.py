"""Tables of autoencoders' features for lm-evaluation-harness' model ``steered``."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from steerstack.contracts import VectorFormat
from steerstack.errors import ExtractionError, VectorError, first_line
from steerstack_plugins.extraction.sae import read_row
from steerstack_plugins.formats.common.safe_read import CUT_SHORT, read_safetensors, succeeds
from steerstack_plugins.formats.lm_eval_steered import as_vector

if TYPE_CHECKING:
    from steerstack.steering.vector import SteeringVector

COLUMNS = {"loader", "sparse_model", "hookpoint", "feature_index", "steering_coefficient"}


@final
class LmEvalTable(VectorFormat):
    """A CSV with a row a hookpoint: the decoder row of a feature, added or clamped to, times its coefficient.

    Read are rows of the loader ``sparsify`` whose ``sparse_model`` is a folder at hand (relative to the table, or
    to where the command runs), with ``HOOKPOINT/sae.safetensors`` in it. Those of ``sae_lens`` name a release
    that only that package can look up: use the extractor ``sae``. ``clamp`` takes the decoder's bias into
    account; for ``add`` lm-eval 0.4.13 hands that bias on and then refuses it, so that such tables do
    not run there, although its documentation has one; they are read as documented, without the bias.
    """

    name = "lm-eval-csv"
    convention = (
        "W_dec[feature] at the output of the module named (0-based block), times coefficient, at all positions."
    )

    def recognises(self, path: Path) -> bool:
        """Whether it has the columns."""
        return path.suffix == ".csv" and succeeds(lambda: _rows(path))

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """All rows."""
        entries: dict[str, dict[str, Any]] = {}
        for number, row in enumerate(_rows(path), 2):
            hookpoint, where = row["hookpoint"], Path(row["sparse_model"])
            if row["loader"] != "sparsify" or hookpoint in entries:
                raise VectorError(
                    f"Line {number} of {path} cannot be read.",
                    seen=f"loader {row['loader']}, hookpoint {hookpoint}",
                    fix="Read are rows of sparsify, one a hookpoint; for SAELens use the extractor sae.",
                )
            folder = where if where.is_absolute() or not (path.parent / where).exists() else path.parent / where
            entries[hookpoint] = _entry(folder / hookpoint / "sae.safetensors", row)
        return as_vector(self.name, path, entries)

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Not possible: a direction is not a feature."""
        raise VectorError("A vector cannot be written as a feature of an autoencoder.", fix="Use format lm-eval.")


def _rows(path: Path) -> list[dict[str, str]]:
    from steerstack.steering.vector_file import refuse_pickle

    refuse_pickle(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [{key: str(value) for key, value in row.items()} for row in csv.DictReader(file)]
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise VectorError(f"{path} is not a CSV.", seen=str(error), fix=CUT_SHORT) from error
    if not rows or not set(rows[0]) >= COLUMNS:
        raise VectorError(f"{path} lacks columns.", seen=", ".join(rows[0]) if rows else "no rows")
    return rows


def _entry(weights: Path, row: dict[str, str]) -> dict[str, object]:
    try:
        direction, _ = read_row(weights, int(row["feature_index"]))
        coefficient = float(row["steering_coefficient"])
    except (ExtractionError, OSError, ValueError) as error:
        raise VectorError(f"The feature in {weights} cannot be read.", seen=first_line(error)) from error
    action = row.get("action") or "add"
    if action not in ("add", "clamp"):
        raise VectorError(f"There is no action {action!r}.", fix="Known: add, clamp.")
    bias = read_safetensors(weights)[0].get("b_dec") if action == "clamp" else None
    return {"action": action, "steering_vector": direction, "steering_coefficient": coefficient, "bias": bias}
