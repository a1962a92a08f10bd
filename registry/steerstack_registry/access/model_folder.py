"""The folder of a registered vector: its file, its specification, its card."""

import json
from pathlib import Path

from steerstack.errors import VectorError, first_line
from steerstack.steering.vector import SteeringVector
from steerstack_registry.access.connection import quietly

FLAVOR = "steerstack"
VECTOR_FILE, SPEC_FILE, CARD_FILE = "vector.safetensors", "spec.json", "card.md"


def read_folder(folder: Path, shown: str) -> SteeringVector:
    """Read a model folder that is on this machine; ``shown`` is what errors call it."""
    with quietly():
        from mlflow.models import Model

        try:
            flavors = Model.load(str(folder / "MLmodel")).flavors if (folder / "MLmodel").is_file() else {}
        except Exception as error:  # whatever MLflow stumbles over in a file that somebody changed
            raise _changed(shown, "MLmodel", error) from error
    if FLAVOR not in flavors:
        raise VectorError(
            f"{shown} is not a steering vector.",
            seen=f"MLflow flavours {', '.join(sorted(flavors)) or 'none'}",
            fix="Only models that steerstack registered are opened; others could run code.",
        )
    vector = SteeringVector.load(folder / VECTOR_FILE)
    try:
        spec = folder / SPEC_FILE
        fingerprint = str(json.loads(spec.read_text(encoding="utf-8"))["fingerprint"]) if spec.is_file() else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise _changed(shown, SPEC_FILE, error) from error
    if fingerprint is not None and fingerprint != vector.fingerprint:
        raise VectorError(
            f"The vector of {shown} is not the one that was registered.",
            seen=f"fingerprint {vector.fingerprint[:12]}, registered as {fingerprint[:12]}",
            fix="Its file was changed in the artifact store: extract and register it again.",
        )
    return vector


def _changed(shown: str, name: str, error: Exception) -> VectorError:
    return VectorError(
        f"The file {name} of {shown} cannot be read.",
        seen=f"{type(error).__name__}: {first_line(error)}"[:300],
        fix="It was changed or cut short in the artifact store: extract and register the vector again.",
    )
