"""One run into MLflow: experiment, run, data set, vectors, metrics, files, and the links between them."""

import contextlib
import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steerstack.contracts.recorder import EVALUATE, MAIN, Recorded, RunRecord
from steerstack.report.card import vector_card
from steerstack.steering.vector import SteeringVector
from steerstack.util import digest
from steerstack.util.files import write_json
from steerstack.util.text import file_name
from steerstack_registry.access import location, names
from steerstack_registry.access.connection import reaching
from steerstack_registry.access.names import short
from steerstack_registry.access.search import everything
from steerstack_registry.pages import headline, notes
from steerstack_registry.pages.fit_card import narrowed
from steerstack_registry.write.delivery import Delivery, identity, prepare
from steerstack_registry.write.versions import Registered, Versions

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric


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

    def deliver(self, delivery: Delivery) -> Recorded:
        """Record one run, once: what was recorded of the same content is found, and what is left half done completed.

        Parameters
        ----------
        delivery:
            The run and its name.

        Raises
        ------
        RegistryError
            The store cannot be reached, or refuses.
        """
        with reaching(self.uri, make=True) as client:
            experiment = self._experiment(client, delivery.run.behavior)
            record, run_id = self._earlier(client, experiment, delivery)
            return record or self._deliver(client, experiment, delivery, run_id)

    def _experiment(self, client: "MlflowClient", behavior: str) -> str:
        from mlflow.exceptions import MlflowException

        name = names.experiment_name(behavior)
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            folder = location.artifacts(self.uri)
            place = None if folder is None else (folder / file_name(behavior)).as_uri()
            try:
                experiment = client.get_experiment(client.create_experiment(name, artifact_location=place))
            except MlflowException as error:
                experiment = client.get_experiment_by_name(name)  # another process was quicker
                if experiment is None:
                    raise error
        location.check_place(self.uri, name, str(experiment.artifact_location))
        notes.mark(client, experiment)
        return str(experiment.experiment_id)

    def _earlier(
        self, client: "MlflowClient", experiment: str, delivery: Delivery
    ) -> tuple[Recorded | None, str | None]:
        """What an earlier delivery left: a finished run, or the id of one left half done, to be gone on with.

        It is gone on with rather than made anew, since what it logged on the vector would stay there. A study that
        was killed while it was recorded comes again under a name that differs in the time alone.
        """
        query = f"tags.`{names.RECORD_ID}` LIKE '%-{delivery.content}'"
        found = everything(client.search_runs, [experiment], query)
        runs = sorted(found, key=lambda run: run.info.status != "FINISHED")
        for run in runs[1:]:  # asked for twice, because the first answer was lost
            if run.data.tags[names.RECORD_ID] == delivery.record_id:
                client.delete_run(run.info.run_id)
        if not runs:
            return None, None
        run_id = str(runs[0].info.run_id)
        if runs[0].info.status != "FINISHED":
            return None, run_id
        return Recorded(self._shown, run_id, runs[0].data.tags.get("steerstack.model_uri", "")), None

    @property
    def _shown(self) -> str:
        return location.without_password(self.uri)

    def _deliver(self, client: "MlflowClient", experiment: str, delivery: Delivery, begun: str | None) -> Recorded:
        run_id = begun or self._begin(client, experiment, delivery)
        try:
            registration = _fill(client, experiment, run_id, delivery, again=begun is not None)
            uri = registration.uri if registration else ""
            client.set_tag(run_id, "steerstack.model_uri", uri)
            client.set_terminated(run_id)
        except BaseException:
            with contextlib.suppress(Exception):  # most likely the store is down for this too
                client.set_terminated(run_id, "FAILED")
            raise
        return Recorded(self._shown, run_id, uri)

    def _begin(self, client: "MlflowClient", experiment: str, delivery: Delivery) -> str:
        run = delivery.run
        main = next(iter(run.vectors.values()), None)
        tags = {
            **delivery.tags,
            names.RECORD_ID: delivery.record_id,
            "steerstack.kind": run.kind,
            "steerstack.behavior": run.behavior,
        }
        parts = [run.kind, run.model_name.rsplit("/", 1)[-1], *([main.origin.method] if main else [])]
        mlflow_run = client.create_run(experiment, start_time=delivery.created_ms, tags=tags, run_name=" ".join(parts))
        return str(mlflow_run.info.run_id)


def _fill(
    client: "MlflowClient", experiment: str, run_id: str, delivery: Delivery, *, again: bool
) -> Registered | None:
    """Everything inside a run, a part of which may be there (``again``).

    Metrics come last, so that a half-delivered run leaves none on the vector.
    """
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    from steerstack_registry.write.dataset import dataset_inputs

    run = delivery.run
    client.log_batch(run_id, params=_params(run))
    client.log_inputs(run_id, datasets=dataset_inputs(run))
    versions = Versions(client, experiment, run.behavior, run.model_name, run_id, again)
    registrations: dict[str, Registered] = {}
    for role, vector in run.vectors.items():
        own = {"card": run.card} if role == MAIN else {"role": role, "card": vector_card(vector)}
        registrations[role] = versions.register(vector, **own)
    links = _linked(client, run_id)  # linking again what an interrupted delivery linked is an error on a database
    fresh = [one for one in registrations.values() if one.model_id not in links]
    outputs = [LoggedModelOutput(one.model_id, step=0) for one in fresh if one.new]
    inputs = [LoggedModelInput(one.model_id) for one in fresh if not one.new]
    if outputs:
        client.log_outputs(run_id, outputs)
    if inputs:
        client.log_inputs(run_id, models=inputs)
    _files(client, run_id, run)
    main = next(iter(registrations.values()), None)
    metrics = list(_metrics(run, run_id, delivery.created_ms, registrations))
    client.log_batch(run_id, metrics=metrics)
    _describe(versions, delivery, registrations)
    return main


def _linked(client: "MlflowClient", run_id: str) -> set[str]:
    run = client.get_run(run_id)
    inputs, outputs = run.inputs, run.outputs
    models = [*(inputs.model_inputs if inputs else []), *(outputs.model_outputs if outputs else [])]
    return {str(one.model_id) for one in models}


def _describe(versions: Versions, delivery: Delivery, registered: dict[str, Registered]) -> None:
    """The descriptions of the run and of its vectors, which link to one another; last, when all of them are there."""
    run_id = str(versions.run_id)
    about = (delivery, versions.experiment, run_id, registered)
    versions.client.set_tag(run_id, names.NOTE, notes.note(*about, names.TAG_LENGTH))
    for role, one in registered.items():
        if role != MAIN:
            versions.describe(one, notes.role_note(role, *about, names.DESCRIPTION_LENGTH))
        elif one.new or (delivery.run.effects and delivery.run.kind != EVALUATE):
            versions.describe(one, notes.note(*about, names.DESCRIPTION_LENGTH))


def _params(run: RunRecord) -> list[Any]:
    from mlflow.entities import Param

    main = next(iter(run.vectors.values()), None)
    values = {
        **identity(run),
        **({"method": main.origin.method} if main else {}),
        **{names.metric_key(key): value for key, value in run.parameters.items()},
    }
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return [Param(key, short(text, names.PARAM_LENGTH)) for key, text in texts.items()]


def _metrics(run: RunRecord, run_id: str, time_ms: int, vectors: Mapping[str, Registered]) -> "Iterator[Metric]":
    """Four numbers for each of a vector's first effects, tied to it and the data; all effects are in a table.

    NaN and infinity stay in ``result.json``.
    """
    from mlflow.entities import Metric

    from steerstack_registry.write.dataset import dataset_of

    first = next(iter(vectors.values()), None)
    for effect in headline.headlines(run.effects):
        of = vectors.get(effect.role) if effect.role else first
        name = names.metric_key(effect.name)
        dataset, digest = dataset_of(run, effect)
        numbers = {"": effect.value, ".ci_low": effect.ci_low, ".ci_high": effect.ci_high, ".n": float(effect.n)}
        for suffix, number in numbers.items():
            if math.isfinite(number):
                yield Metric(
                    name + suffix, headline.rounded(number), time_ms, 0,
                    model_id=of.model_id if of else None, run_id=run_id,
                    dataset_name=dataset, dataset_digest=digest,
                )  # fmt: skip


def _files(client: "MlflowClient", run_id: str, run: RunRecord) -> None:
    """The run's files, and a list of their digests whose own digest is a tag: see ``registry verify``."""
    sums: dict[str, str] = {}

    def log(path: Path, folder: str = "") -> None:
        client.log_artifact(run_id, str(path), folder or None)
        sums[f"{folder}/{path.name}".lstrip("/")] = digest.of_file(path)

    with tempfile.TemporaryDirectory() as folder:
        spare = Path(folder)
        for place, path in enumerate(run.files):
            kind, local = notes.FOLDERS.get(path.suffix.lower(), ""), path
            if f"{kind}/{path.name}".lstrip("/") in sums:
                local = spare / f"{place}-{path.name}"
                local.write_bytes(path.read_bytes())
            log(local, kind)
            if kind == "figures":
                log(narrowed(local, notes.WIDTH, spare), notes.SMALL)
        texts = {
            "result.json": json.dumps(run.result, indent=1, ensure_ascii=False) if run.result else "",
            "card.md": run.card,
            headline.TABLE: json.dumps(headline.effects_table(run.effects)) if run.effects else "",
        }
        for name, text in texts.items():
            if text:
                (spare / name).write_text(text, encoding="utf-8")
                log(spare / name)
        if run.effects:  # by this tag MLflow shows the file as a table
            client.set_tag(run_id, "mlflow.loggedArtifacts", json.dumps([{"path": headline.TABLE, "type": "table"}]))
        write_json(spare / names.CHECKSUMS, sums)
        client.log_artifact(run_id, str(spare / names.CHECKSUMS))
        client.set_tag(run_id, names.CHECKSUMS_ID, digest.of_file(spare / names.CHECKSUMS))
