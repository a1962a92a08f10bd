"""MLflow flavour ``steerstack``: a steering vector as an MLflow model, with no pickle in it.

Stores name this module as what loads their models: it stays where it is.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steerstack import __version__
from steerstack.steering.vector import SteeringVector
from steerstack.util.files import write_atomically
from steerstack_registry.access.connection import quietly
from steerstack_registry.access.model_folder import CARD_FILE, FLAVOR, SPEC_FILE, VECTOR_FILE, read_folder
from steerstack_registry.access.names import MODEL_TYPE
from steerstack_registry.read.load_vector import load_vector

if TYPE_CHECKING:
    from mlflow.models import Model
    from mlflow.models.model import ModelInfo


def save_model(
    vector: SteeringVector, path: Path | str, mlflow_model: "Model | None" = None, *, card: str = "", **_: Any
) -> None:
    """Write the vector as an MLflow model folder.

    Parameters
    ----------
    vector:
        What to write.
    path:
        The folder.
    mlflow_model:
        MLflow's description to add to; MLflow passes its own.
    card:
        A readable account, in Markdown.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    vector.save(folder / VECTOR_FILE)
    spec = {**vector.header(), "fingerprint": vector.fingerprint, "steerstack": __version__}
    write_atomically(folder / SPEC_FILE, json.dumps(spec, indent=1, sort_keys=True) + "\n")
    write_atomically(folder / CARD_FILE, card + "\n")
    with quietly():
        from mlflow import pyfunc
        from mlflow.models import Model

        model = Model() if mlflow_model is None else mlflow_model
        model.add_flavor(FLAVOR, data=VECTOR_FILE, spec=SPEC_FILE, version=__version__)
        pyfunc.add_to_model(model, loader_module=__name__, data=VECTOR_FILE)
        model.save(str(folder / "MLmodel"))


def log_model(vector: SteeringVector, name: str, *, card: str = "", **options: Any) -> "ModelInfo":
    """Log the vector as a LoggedModel of the active run; options as for ``mlflow.models.Model.log``."""
    from mlflow.models import Model

    return Model.log(
        artifact_path=None, name=name, flavor=sys.modules[__name__], vector=vector, card=card,
        **{"model_type": MODEL_TYPE, **options},
    )  # fmt: skip


def load_model(model_uri: str, tracking_uri: str | None = None) -> SteeringVector:
    """Read a vector back from a model folder, or from any ``models:/`` address.

    Raises
    ------
    VectorError
        It is not a steerstack vector, or its files do not belong together.
    """
    if model_uri.startswith("models:/"):
        return load_vector(model_uri, tracking_uri)
    return read_folder(Path(model_uri.removeprefix("file://")), model_uri)


class NormTable:
    """What MLflow serves: the layers of a vector and their norms."""

    def __init__(self, vector: SteeringVector) -> None:
        self.vector = vector

    def predict(self, model_input: Any = None, params: Any = None) -> Any:
        """A data frame with a row for each layer; the input is not looked at."""
        import pandas  # type: ignore[import-untyped,unused-ignore]

        norms = self.vector.norms
        return pandas.DataFrame({"layer": list(norms), "site": self.vector.component, "norm": list(norms.values())})


def _load_pyfunc(path: str) -> NormTable:
    return NormTable(SteeringVector.load(path))
