"""The folder of a registered vector: its file, its specification, its card."""

import json
from pathlib import Path

from steerstack.errors import VectorError
from steerstack.steering.vector import SteeringVector
from steerstack_registry.access.connection import quietly

FLAVOR = "steerstack"
VECTOR_FILE, SPEC_FILE, CARD_FILE = "vector.safetensors", "spec.json", "card.md"


def read_folder(folder: Path, shown: str) -> SteeringVector:
    """Read a model folder that is on this machine; ``shown`` is what errors call it."""
    with quietly():
        from mlflow.models import Model

        flavors = Model.load(str(folder / "MLmodel")).flavors if (folder / "MLmodel").is_file() else {}
    if FLAVOR not in flavors:
        raise VectorError(
            f"{shown} is not a steering vector.",
            seen=f"MLflow flavours {', '.join(sorted(flavors)) or 'none'}",
            fix="Only models that steerstack registered are opened; others could run code.",
        )
    vector = SteeringVector.load(folder / VECTOR_FILE)
    said = json.loads((folder / SPEC_FILE).read_text())["fingerprint"] if (folder / SPEC_FILE).is_file() else None
    if said is not None and said != vector.fingerprint:
        raise VectorError(
            f"The vector of {shown} is not the one that was registered.",
            seen=f"fingerprint {vector.fingerprint[:12]}, registered as {said[:12]}",
            fix="Its file was changed in the artifact store: extract and register it again.",
        )
    return vector
