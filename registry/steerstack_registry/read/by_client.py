"""Registered vectors by MLflow's own client, which knows every kind of store and every way to sign in."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from steerstack_registry.access import names
from steerstack_registry.access.search import everything
from steerstack_registry.read.load_vector import model_id
from steerstack_registry.read.rows import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlflow import MlflowClient
    from mlflow.entities import Metric
    from mlflow.entities.model_registry import ModelVersion


class ClientSource:
    """A source of rows, see :func:`steerstack_registry.read.rows.rows`."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    def versions(self, limit: int | None) -> list[Version]:
        """The newest of ours, newest first."""
        search = self._client.search_model_versions
        newest_first = ["creation_timestamp DESC"]
        return [version(each) for each in everything(search, names.OURS, most=limit, order_by=newest_first)]

    def metrics(self, models: Iterable[str]) -> Mapping[str, list[Metric]]:
        """What was measured of some logged models."""
        asked = f"model_id IN {names.quoted(models)}"
        entries = everything(self._client.search_logged_models, self._experiments, asked)
        return {model.model_id: model.metrics or [] for model in entries}

    def aliases(self, called: Iterable[str]) -> Mapping[tuple[str, int], list[str]]:
        """The aliases of some registered names, by name and version."""
        aliases: dict[tuple[str, int], list[str]] = defaultdict(list)
        for model in everything(self._client.search_registered_models, f"name IN {names.quoted(called)}"):
            for alias, number in model.aliases.items():
                aliases[model.name, int(number)].append(alias)
        return aliases

    @cached_property
    def _experiments(self) -> list[str]:
        experiments = everything(self._client.search_experiments, filter_string=names.OUR_EXPERIMENTS)
        return [experiment.experiment_id for experiment in experiments]


def version(registered: ModelVersion) -> Version:
    """MLflow's own value as ours."""
    return Version(
        registered.name,
        int(registered.version),
        registered.creation_timestamp,
        registered.tags,
        model_id(registered),
    )
