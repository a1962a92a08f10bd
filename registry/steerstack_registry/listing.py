"""What the registry holds, as plain values for tables and JSON."""

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from steerstack.errors import RegistryError, nearest
from steerstack_registry import location, names, quick
from steerstack_registry.connection import reaching
from steerstack_registry.load import find, model_id
from steerstack_registry.rows import effects, row

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Metric
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

_FEW, _PAGE = 200, 1000
_OURS = f"tags.`steerstack.type` = '{names.MODEL_TYPE}'"


def list_vectors(tracking_uri: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """Registered versions, newest first, with their newest effects.

    Parameters
    ----------
    tracking_uri:
        The store; None for the default one.
    limit:
        The newest only; None for all.

    Raises
    ------
    RegistryError
        The store cannot be reached.
    """
    uri = location.resolve(tracking_uri)
    if _empty(uri):
        return []
    file = location.database(uri)
    if file is not None:
        with contextlib.suppress(sqlite3.Error):  # locked, or tables of another MLflow: MLflow itself is asked
            return quick.newest(file, limit)
    with reaching(uri) as client:
        return _asked(client, limit)


def _asked(client: "MlflowClient", limit: int | None) -> list[dict[str, Any]]:
    """The same by MLflow's client, which a server needs; a few vectors one by one, many in pages."""
    order = ["creation_timestamp DESC"]
    versions: list[ModelVersion] = []
    few = limit is not None and limit <= _FEW
    for version in _pages(
        lambda token: client.search_model_versions(
            _OURS, max_results=limit if few else _PAGE, order_by=order, page_token=token
        )
    ):
        versions.append(version)
        if len(versions) == limit:
            break
    if few:
        models = {found: client.get_logged_model(found) for found in map(model_id, versions)}
        held = _held(client.get_registered_model(name) for name in sorted({one.name for one in versions}))
    else:
        models, held = _models(client) if versions else {}, _aliases(client) if versions else {}
    rows = []
    for version in versions:
        model = models.get(model_id(version))
        rows.append(_row(version, held.get((version.name, str(version.version)), []), model.metrics if model else []))
    return sorted(rows, key=lambda row: (row["created"], row["name"], row["version"]), reverse=True)


def show_vector(name_or_uri: str, tracking_uri: str | None = None) -> dict[str, Any]:
    """All that is known of one vector.

    Parameters
    ----------
    name_or_uri:
        A registered name (its newest version), or any ``models:/`` address.
    tracking_uri:
        The store; None for the default one.

    Raises
    ------
    RegistryError
        There is no such vector, or the store cannot be reached.
    """
    uri = location.resolve(tracking_uri)
    if not name_or_uri.startswith("models:/"):
        name_or_uri = f"models:/{_known(name_or_uri, uri)}@{names.NEWEST}"
    with reaching(uri) as client:
        version, model = find(client, name_or_uri)
        shown: dict[str, Any] = {}
        if version is not None:
            held = client.get_registered_model(version.name).aliases
            here = [alias for alias, number in held.items() if str(number) == str(version.version)]
            shown = _row(version, here, model.metrics)
        return {
            **shown,
            "model_id": model.model_id,
            "run_id": model.source_run_id,
            "tracking_uri": location.without_password(uri),
            "parameters": dict(model.params),
            "effects": effects(model.metrics or []),
            "card": model.tags.get(names.NOTE, ""),
        }


def _row(version: "ModelVersion", aliases: list[str], metrics: "Iterable[Metric]") -> dict[str, Any]:
    return row(
        version.name, int(version.version), version.creation_timestamp, version.tags, aliases, effects(metrics or [])
    )


def _empty(uri: str) -> bool:
    """Whether the store is a database that nobody made yet; looking does not make it."""
    file = location.database(uri)
    return file is not None and not file.exists()


def _pages(search: Any) -> Iterable[Any]:
    token = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return


def _models(client: "MlflowClient") -> "dict[str, LoggedModel]":
    ours = client.search_experiments(filter_string="name LIKE 'steerstack/%'")
    ids = [experiment.experiment_id for experiment in ours]
    found = _pages(lambda token: client.search_logged_models(ids, page_token=token))
    return {model.model_id: model for model in found}


def _aliases(client: "MlflowClient") -> dict[tuple[str, str], list[str]]:
    """Aliases by name and version; a search for versions does not bring them."""
    return _held(_pages(lambda token: client.search_registered_models(_OURS, page_token=token)))


def _held(models: "Iterable[RegisteredModel]") -> dict[tuple[str, str], list[str]]:
    held: dict[tuple[str, str], list[str]] = defaultdict(list)
    for model in models:
        for alias, version in model.aliases.items():
            held[model.name, str(version)].append(alias)
    return held


def _known(name: str, uri: str) -> str:
    known: set[str] = set()
    if not _empty(uri):
        with reaching(uri) as client:
            known = {
                model.name for model in _pages(lambda token: client.search_registered_models(_OURS, page_token=token))
            }
    if name not in known:
        raise RegistryError(f"No vector is registered as {name!r}.", fix=nearest(name, known))
    return name
