"""Registered vectors by MLflow's own client, which knows every kind of store and every way to sign in."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from steerstack_registry.access import names
from steerstack_registry.read.load_vector import model_id, pages
from steerstack_registry.read.rows import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlflow import MlflowClient
    from mlflow.entities import Metric
    from mlflow.entities.model_registry import ModelVersion

_PAGE = 1000


class ClientSource:
    """A source of rows, see :func:`steerstack_registry.read.rows.rows`."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    def versions(self, limit: int | None) -> list[Version]:
        """The newest of ours, newest first."""
        versions: list[Version] = []
        most = min(limit or _PAGE, _PAGE)
        for each in pages(
            lambda token: self._client.search_model_versions(
                names.OURS, max_results=most, order_by=["creation_timestamp DESC"], page_token=token
            )
        ):
            versions.append(version(each))
            if len(versions) == limit:
                break
        return versions

    def metrics(self, models: Iterable[str]) -> Mapping[str, list[Metric]]:
        """What was measured of some logged models."""
        some = names.quoted(models)
        entries = pages(
            lambda token: self._client.search_logged_models(self._experiments, f"model_id IN {some}", page_token=token)
        )
        return {model.model_id: model.metrics or [] for model in entries}

    def aliases(self, called: Iterable[str]) -> Mapping[tuple[str, int], list[str]]:
        """The aliases of some registered names, by name and version."""
        some = names.quoted(called)
        aliases: dict[tuple[str, int], list[str]] = defaultdict(list)
        for model in pages(lambda token: self._client.search_registered_models(f"name IN {some}", page_token=token)):
            for alias, number in model.aliases.items():
                aliases[model.name, int(number)].append(alias)
        return aliases

    @cached_property
    def _experiments(self) -> list[str]:
        ours = f"name LIKE '{names.EXPERIMENT}%'"
        experiments = pages(lambda token: self._client.search_experiments(filter_string=ours, page_token=token))
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
