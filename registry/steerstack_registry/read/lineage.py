"""From an effect to the vector, its data, its code and the command that made it, and back."""

from typing import TYPE_CHECKING, Any

from steerstack_registry.access import location, names
from steerstack_registry.access.connection import reaching
from steerstack_registry.access.search import everything
from steerstack_registry.read.load_vector import addressed, find
from steerstack_registry.read.rows import effects

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run


GONE = "GONE"
"""Status of a run that was deleted for good."""
_FACTS = ("fingerprint", "method", "model_name", "model_fingerprint", "layers")
_AT_ONCE = 100
"""Runs a search: their ids are a part of the question, which a server limits."""


def lineage(vector: str, tracking_uri: str | None = None) -> dict[str, Any]:
    """Every link of a registered vector: data, vector, the runs that made or used it, their effects.

    Parameters
    ----------
    vector:
        A registered name (its newest version) or a ``models:/`` address.

    Returns
    -------
    dict
        ``vector`` (address, fingerprint, method, model), ``data`` (training digest), ``made_by`` and
        ``used_by``: runs with kind, data digest, git commit, command, effects and MLflow page, of which one that was
        deleted for good has only its id and the status ``GONE``.

    Raises
    ------
    RegistryError
        There is no such vector, or the store cannot be reached.
    """
    uri = location.resolve(tracking_uri)
    address = addressed(vector)
    with reaching(uri) as client:
        version, model = find(client, address)
        facts = dict(model.params)
        records = _runs(client, model)
    mine = effects(model.metrics or [])
    for run in records:
        run["effects"] = {name: effect for name, effect in mine.items() if effect["run_id"] == run["run_id"]}
    return {
        "vector": {
            "uri": f"models:/{version.name}/{version.version}" if version else address,
            "model_id": model.model_id,
            "page": f"#/experiments/{model.experiment_id}/models/{model.model_id}",
            **{key: facts.get(key, "") for key in _FACTS},
        },
        "data": {"digest": facts.get("data_digest", ""), "n_pairs": facts.get("n_pairs", "")},
        "made_by": [run for run in records if run["run_id"] == model.source_run_id],
        "used_by": [run for run in records if run["run_id"] != model.source_run_id],
    }


def _runs(client: "MlflowClient", model: "LoggedModel") -> list[dict[str, Any]]:
    """The run that made a model, and all runs that measured it; oldest first, and last those that are gone."""
    from mlflow.entities import ViewType

    ids = {metric.run_id for metric in model.metrics or [] if metric.run_id} | {model.source_run_id} - {None, ""}
    if not ids:
        return []
    ours = everything(client.search_experiments, ViewType.ALL, filter_string=names.OUR_EXPERIMENTS)
    places = [experiment.experiment_id for experiment in ours]
    runs: list[Run] = []
    wanted = sorted(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        some = f"run_id IN {names.quoted(wanted[start : start + _AT_ONCE])}"
        runs.extend(everything(client.search_runs, places, some, ViewType.ALL))
    found = {run.info.run_id for run in runs}
    elsewhere = {run_id: _alone(client, run_id) for run_id in wanted if run_id not in found}
    runs += [run for run in elsewhere.values() if run]
    gone = [_gone(run_id) for run_id, run in elsewhere.items() if run is None]
    return [_run(run) for run in sorted(runs, key=lambda run: run.info.start_time)] + gone


def _alone(client: "MlflowClient", run_id: str) -> "Run | None":
    """A run that lies in none of our experiments, whose name somebody may have changed; None if it is gone."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _gone(run_id: str) -> dict[str, Any]:
    texts = ("kind", "data_source", "data_digest", "git_commit", "version", "command", "page")
    return {"run_id": run_id, "status": GONE, **dict.fromkeys(texts, "")}


def _run(run: "Run") -> dict[str, Any]:
    tags, params = run.data.tags, run.data.params
    return {
        "run_id": run.info.run_id,
        "kind": tags.get("steerstack.kind", ""),
        "status": run.info.status,
        "data_source": params.get("data_source", ""),
        "data_digest": params.get("data_digest", ""),
        "git_commit": tags.get("steerstack.git_commit", ""),
        "version": tags.get("steerstack.version", ""),
        "command": tags.get("steerstack.command", ""),
        "page": f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}",
    }
