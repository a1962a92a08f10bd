"""From an effect to the vector, its data, its code and the command that made it, and back."""

from typing import TYPE_CHECKING, Any

from steerstack_registry.access import location
from steerstack_registry.access.connection import reaching
from steerstack_registry.read.load_vector import addressed, find
from steerstack_registry.read.rows import effects

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run


_FACTS = ("fingerprint", "method", "model_name", "model_fingerprint", "layers")


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
        ``used_by``: runs with kind, data digest, git commit, command, effects and MLflow page.

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
        runs = _runs(client, model)
        records = [_run(run) for run in runs]
    mine = effects(model.metrics or [])
    for run in records:
        run["effects"] = {name: effect for name, effect in mine.items() if effect["run_id"] == run["run_id"]}
    return {
        "vector": {
            "uri": f"models:/{version.name}/{version.version}" if version else address,
            "model_id": model.model_id,
            "page": f"#/experiments/{model.experiment_id}/models/{model.model_id}",
            **{
                key: facts.get(key, "")
                for key in ("fingerprint", "method", "model_name", "model_fingerprint", "layers")
            },
        },
        "data": {"digest": facts.get("data_digest", ""), "n_pairs": facts.get("n_pairs", "")},
        "made_by": [run for run in records if run["run_id"] == model.source_run_id],
        "used_by": [run for run in records if run["run_id"] != model.source_run_id],
    }


def _runs(client: "MlflowClient", model: "LoggedModel") -> "list[Run]":
    """The run that made a model, and all runs that measured it; oldest first."""
    run_ids = {metric.run_id for metric in model.metrics or [] if metric.run_id}
    runs = [client.get_run(run_id) for run_id in {*run_ids, *([model.source_run_id] if model.source_run_id else [])}]
    return sorted(runs, key=lambda run: run.info.start_time)


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
