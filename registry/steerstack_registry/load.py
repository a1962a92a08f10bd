"""Vectors out of the registry."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from steerstack.errors import RegistryError
from steerstack_registry import location
from steerstack_registry.connection import reaching
from steerstack_registry.names import NEWEST

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion

    from steerstack.vector import SteeringVector

_FORMS = "models:/NAME/VERSION, models:/NAME@ALIAS or models:/m-ID"


def load_vector(uri: str, tracking_uri: str | None = None) -> SteeringVector:
    """Load a vector from the registry.

    Parameters
    ----------
    uri:
        ``models:/NAME/VERSION``, ``models:/NAME@ALIAS`` or ``models:/m-ID``.
    tracking_uri:
        The store; None for the default one.

    Raises
    ------
    RegistryError
        There is no such vector, or the store cannot be reached.
    VectorError
        What is registered there is not a steerstack vector.
    """
    from steerstack_registry.flavor import read_folder

    store = location.resolve(tracking_uri)
    with reaching(store) as client, tempfile.TemporaryDirectory() as folder:
        _, model = find(client, uri)
        from mlflow.artifacts import download_artifacts

        # The whole model is a few files; models:/ addresses would be looked up in MLflow's global store.
        path = download_artifacts(artifact_uri=model.artifact_location, dst_path=folder, tracking_uri=store)
        return read_folder(Path(path), uri)


def addressed(vector: str) -> str:
    """A ``models:/`` address as it stands; for a registered name, that of its newest version."""
    return vector if vector.startswith("models:/") else f"models:/{vector}@{NEWEST}"


def find(client: MlflowClient, uri: str) -> tuple[ModelVersion | None, LoggedModel]:
    """The registered version, if the address names one, and the logged model behind it."""
    name = uri.removeprefix("models:/")
    if not uri.startswith("models:/") or not name:
        raise RegistryError(f"{uri!r} does not name a registered vector.", fix=f"Write {_FORMS}.")
    if "/" not in name and "@" not in name:
        return None, client.get_logged_model(name)
    if "@" in name:
        name, _, wanted = name.rpartition("@")
    else:
        name, _, wanted = name.rpartition("/")
    if wanted.isdigit():
        version = client.get_model_version(name, wanted)
    else:  # MLflow keeps the alias "latest" for itself
        version = client.get_model_version_by_alias(name, NEWEST if wanted.lower() == "latest" else wanted)
    return version, client.get_logged_model(model_id(version))


def model_id(version: ModelVersion) -> str:
    """The logged model behind a registered version; MLflow leaves ``model_id`` empty on some stores."""
    found = version.model_id or str(version.source or "").removeprefix("models:/")
    if not str(found).startswith("m-"):
        raise RegistryError(
            f"models:/{version.name}/{version.version} was not registered by steerstack.",
            seen=f"source {version.source}",
            fix="`steerstack vectors list` shows the ones that were.",
        )
    return str(found)
