"""One run into MLflow: experiment, run, data set, vectors, metrics, files, and the links between them."""

import contextlib
import json
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from steerstack.errors import RegistryError
from steerstack.events import Recorded, RunRecord
from steerstack.vector import SteeringVector
from steerstack_registry import location, names
from steerstack_registry.connection import reaching
from steerstack_registry.delivery import Delivery, description, identity, prepare
from steerstack_registry.names import NOTE, short
from steerstack_registry.versions import Registered, Versions

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

_FOLDERS = {".html": "report", ".png": "figures"}


@dataclass(frozen=True)
class MLflowStore:
    """An MLflow store. It uses a client of its own: the caller's active run and address stay as they are.

    Parameters
    ----------
    uri:
        Its tracking URI, resolved.
    """

    uri: str

    def record(self, run: RunRecord) -> Recorded:
        """Record one run; nothing is kept if the store is down (see :func:`outbox.record`)."""
        return self.deliver(prepare(run))

    def log_vector(self, vector: SteeringVector, behavior: str, *, card: str = "") -> Registered:
        """Register a vector outside any run, or find it registered."""
        with reaching(self.uri, make=True) as client:
            experiment = self._experiment(client, behavior)
            versions = Versions(client, experiment, behavior, vector.origin.model_name)
            return versions.register(vector, card=card)

    def deliver(self, delivery: Delivery, *, again: bool = False) -> Recorded:
        """Record one run.

        Parameters
        ----------
        delivery:
            The run and its name.
        again:
            It may have been delivered before, in part or in whole: look first.

        Raises
        ------
        RegistryError
            The store cannot be reached, or refuses.
        """
        with reaching(self.uri, make=True) as client:
            experiment = self._experiment(client, delivery.run.behavior)
            done = self._earlier(client, experiment, delivery) if again else None
            return done or self._deliver(client, experiment, delivery)

    def _experiment(self, client: "MlflowClient", behavior: str) -> str:
        from mlflow.exceptions import MlflowException

        name = f"steerstack/{behavior}"
        found = client.get_experiment_by_name(name)
        if found is None:
            folder = location.artifacts(self.uri)
            place = None if folder is None else (folder / names.slug(behavior)).as_uri()
            try:
                return str(client.create_experiment(name, artifact_location=place))
            except MlflowException as error:
                found = client.get_experiment_by_name(name)  # another process was quicker
                if found is None:
                    raise error
        self._check_place(name, str(found.artifact_location))
        return str(found.experiment_id)

    def _check_place(self, name: str, place: str) -> None:
        """Refuse an experiment whose files cannot be written from here; MLflow might write them elsewhere."""
        direct = location.database(self.uri) is not None
        local = Path(url2pathname(urlsplit(place).path)) if place.startswith(("file:", "/")) else None
        if direct and place.startswith("mlflow-artifacts:"):
            seen = "It was made through a server, and its files can only be reached through one."
        elif not direct and local is not None and not _is_near(local):
            seen = "Its files are in a folder of the server's machine, which is not on this one."
        else:
            return
        raise RegistryError(
            f"Files of the experiment {name} cannot be written from here.",
            seen=f"{place}. {seen}",
            fix="Record to the address of the server, and let it serve artifacts (its default).",
        )

    def _earlier(self, client: "MlflowClient", experiment: str, delivery: Delivery) -> Recorded | None:
        """The run of an earlier delivery that was finished; what one left half done is deleted."""
        wanted = f"tags.`{names.RECORD_ID}` = '{delivery.record_id}'"
        for run in client.search_runs([experiment], wanted):
            if run.info.status == "FINISHED":
                return Recorded(self._shown, run.info.run_id, run.data.tags.get("steerstack.model_uri", ""))
            client.delete_run(run.info.run_id)
        return None

    @property
    def _shown(self) -> str:
        return location.without_password(self.uri)

    def _deliver(self, client: "MlflowClient", experiment: str, delivery: Delivery) -> Recorded:
        run = delivery.run
        main = next(iter(run.vectors.values()), None)
        tags = {
            **delivery.tags,
            names.RECORD_ID: delivery.record_id,
            "steerstack.kind": run.kind,
            "steerstack.behavior": run.behavior,
            **({NOTE: short(run.card, names.TAG_LENGTH)} if run.card else {}),
        }
        made = client.create_run(
            experiment,
            start_time=delivery.created_ms,
            tags=tags,
            run_name=" ".join([run.kind, run.model_name.rsplit("/", 1)[-1], *([main.origin.method] if main else [])]),
        )
        run_id = made.info.run_id
        try:
            registered = _fill(client, experiment, run_id, delivery)
            uri = registered.uri if registered else ""
            client.set_tag(run_id, "steerstack.model_uri", uri)
            client.set_terminated(run_id)
        except BaseException:
            with contextlib.suppress(Exception):  # most likely the store is down for this too
                client.set_terminated(run_id, "FAILED")
            raise
        return Recorded(self._shown, run_id, uri)


def _is_near(folder: Path) -> bool:
    """Whether a folder, or one that it would soon be made in, is on this machine."""
    return any(path.exists() for path in (folder, *folder.parents[:2]) if path != path.parent)


def _fill(client: "MlflowClient", experiment: str, run_id: str, delivery: Delivery) -> Registered | None:
    """Everything inside a run. Metrics come last, so that a half-delivered run leaves none on the vector."""
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    from steerstack_registry.dataset import dataset_input

    run = delivery.run
    client.log_batch(run_id, params=_params(run))
    client.log_inputs(run_id, datasets=[dataset_input(run)])
    versions = Versions(client, experiment, run.behavior, run.model_name, run_id)
    registered = []
    for place, (role, vector) in enumerate(run.vectors.items()):
        card = description(run) if place == 0 else ""
        registered.append(versions.register(vector, role=role if place else "", card=card))
    made = [LoggedModelOutput(one.model_id, step=0) for one in registered if one.new]
    used = [LoggedModelInput(one.model_id) for one in registered if not one.new]
    if made:
        client.log_outputs(run_id, made)
    if used:
        client.log_inputs(run_id, models=used)
    _files(client, run_id, run)
    main = registered[0] if registered else None
    metrics = list(_metrics(run, run_id, delivery.created_ms, main.model_id if main else None))
    client.log_batch(run_id, metrics=metrics)
    if main and run.effects and not main.new:
        versions.describe(main, description(run))
    return main


def _params(run: RunRecord) -> list[Any]:
    from mlflow.entities import Param

    values = {
        **identity(run),
        **{names.metric_key(key): value for key, value in run.parameters.items()},
    }
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return [Param(key, short(text, names.PARAM_LENGTH)) for key, text in texts.items()]


def _metrics(run: RunRecord, run_id: str, time_ms: int, model_id: str | None) -> "Iterator[Metric]":
    """Four numbers for each effect, tied to the vector and the data. NaN and infinity stay in ``result.json``."""
    from mlflow.entities import Metric

    from steerstack_registry.dataset import dataset_digest, dataset_name

    for effect in run.effects:
        name = names.metric_key(effect.name)
        numbers = {"": effect.value, ".ci_low": effect.ci_low, ".ci_high": effect.ci_high, ".n": float(effect.n)}
        for suffix, number in numbers.items():
            if math.isfinite(number):
                yield Metric(
                    name + suffix, number, time_ms, 0,
                    model_id=model_id, run_id=run_id,
                    dataset_name=dataset_name(run), dataset_digest=dataset_digest(run),
                )  # fmt: skip


def _files(client: "MlflowClient", run_id: str, run: RunRecord) -> None:
    taken: set[tuple[str, str]] = set()
    with tempfile.TemporaryDirectory() as spare:
        for place, path in enumerate(run.files):
            folder, local = _FOLDERS.get(path.suffix.lower(), ""), path
            if (folder, path.name) in taken:
                local = Path(spare) / f"{place}-{path.name}"
                local.write_bytes(path.read_bytes())
            taken.add((folder, local.name))
            client.log_artifact(run_id, str(local), folder or None)
    if run.result:
        client.log_text(run_id, json.dumps(run.result, indent=1, ensure_ascii=False), "result.json")
    if run.card:
        client.log_text(run_id, run.card, "card.md")
