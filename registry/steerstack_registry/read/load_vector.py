"""Vectors out of the registry."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from steerstack.errors import RegistryError, first_line, nearest
from steerstack_registry.access import location
from steerstack_registry.access.connection import reaching
from steerstack_registry.access.names import NEWEST, OURS, quoted
from steerstack_registry.access.search import everything

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion

    from steerstack.steering.vector import SteeringVector

_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # the second for an alias
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
    from steerstack_registry.access.model_folder import read_folder

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
    """The registered version, if the address names one, and the logged model behind it.

    Raises
    ------
    RegistryError
        It is no address, or there is nothing there.
    """
    from mlflow.exceptions import MlflowException

    name, version, alias = _parts(uri)
    try:
        if not (version or alias):
            return None, client.get_logged_model(name)
        registration = (
            client.get_model_version(name, version) if version else client.get_model_version_by_alias(name, alias)
        )
        return registration, client.get_logged_model(model_id(registration))
    except MlflowException as error:
        if error.error_code not in _ABSENT:
            raise
        raise RegistryError(
            f"There is no {uri} in the registry.", seen=first_line(error), fix=_instead(client, name)
        ) from error


def _parts(uri: str) -> tuple[str, str, str]:
    """Name (or id), version and alias of an address; either of the last two may be empty."""
    name = uri.removeprefix("models:/")
    if not uri.startswith("models:/") or not name:
        raise RegistryError(f"{uri!r} does not name a registered vector.", fix=f"Write {_FORMS}.")
    if "/" not in name and "@" not in name:
        return name, "", ""
    name, _, suffix = name.rpartition("@" if "@" in name else "/")
    if suffix.isdigit():
        return name, suffix, ""
    return name, "", NEWEST if suffix.lower() == "latest" else suffix  # MLflow keeps the alias "latest" for itself


def _instead(client: MlflowClient, name: str) -> str:
    """What there is under the name, or else the nearest name."""
    versions = [str(entry.version) for entry in everything(client.search_model_versions, f"name IN {quoted([name])}")]
    if not versions:
        return nearest(name, {entry.name for entry in everything(client.search_registered_models, OURS)})
    aliases = client.get_registered_model(name).aliases
    return f"There are versions {', '.join(sorted(versions, key=int))}, and aliases {', '.join(sorted(aliases))}."


def model_id(version: ModelVersion) -> str:
    """The logged model behind a registered version; MLflow leaves ``model_id`` empty on some stores."""
    identifier = version.model_id or str(version.source or "").removeprefix("models:/")
    if not str(identifier).startswith("m-"):
        raise RegistryError(
            f"models:/{version.name}/{version.version} was not registered by steerstack.",
            seen=f"source {version.source}",
            fix="`steerstack registry list` shows the ones that were.",
        )
    return str(identifier)
