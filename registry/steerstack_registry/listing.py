"""What the registry holds, as plain values for tables and JSON."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from steerstack.errors import RegistryError, nearest
from steerstack_registry import location, names
from steerstack_registry.connection import reaching
from steerstack_registry.load import find, model_id

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Metric
    from mlflow.entities.model_registry import ModelVersion

_OURS = f"tags.`steerstack.type` = '{names.MODEL_TYPE}'"


def list_vectors(tracking_uri: str | None = None) -> list[dict[str, Any]]:
    """Every registered version, newest first, with its newest effects.

    Raises
    ------
    RegistryError
        The store cannot be reached.
    """
    uri = location.resolve(tracking_uri)
    if _empty(uri):
        return []
    with reaching(uri) as client:
        versions = list(_pages(lambda token: client.search_model_versions(_OURS, page_token=token)))
        models = _models(client) if versions else {}
        aliases = _aliases(client) if versions else {}
    rows = []
    for version in versions:
        model = models.get(model_id(version))
        held = aliases.get((version.name, str(version.version)), [])
        rows.append(_row(version, held, model.metrics if model else []))
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


def effects(metrics: "Iterable[Metric]") -> dict[str, dict[str, Any]]:
    """Effects by name, each from the newest run that measured it: the four numbers always belong together."""
    runs: dict[tuple[int, str], dict[str, Any]] = defaultdict(dict)
    for metric in metrics:
        runs[metric.timestamp, str(metric.run_id)][metric.key] = metric
    found: dict[str, dict[str, Any]] = {}
    for (_, run_id), values in sorted(runs.items(), key=lambda entry: entry[0]):
        for key, metric in values.items():
            if f"{key}.n" not in values:
                continue  # an interval's end, or no metric of ours
            low, high = (values.get(f"{key}.{end}") for end in ("ci_low", "ci_high"))
            found[key] = {
                "value": metric.value,
                "ci_low": low.value if low else None,
                "ci_high": high.value if high else None,
                "n": int(values[f"{key}.n"].value),
                "data": metric.dataset_name,
                "data_digest": metric.dataset_digest,
                "run_id": run_id,
            }
    return found


def _row(version: "ModelVersion", aliases: list[str], metrics: "Iterable[Metric]") -> dict[str, Any]:
    tags = version.tags
    return {
        "name": version.name,
        "version": int(version.version),
        "uri": f"models:/{version.name}/{version.version}",
        "aliases": sorted(aliases),
        "behavior": tags.get("steerstack.behavior", ""),
        "model": tags.get("steerstack.model_name", ""),
        "method": tags.get("steerstack.method", ""),
        "role": tags.get("steerstack.role", "base"),
        "fingerprint": tags.get("steerstack.fingerprint", ""),
        "created": datetime.fromtimestamp(version.creation_timestamp / 1000, UTC).isoformat(timespec="seconds"),
        "effects": effects(metrics or []),
    }


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
    held: dict[tuple[str, str], list[str]] = defaultdict(list)
    for model in _pages(lambda token: client.search_registered_models(_OURS, page_token=token)):
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
