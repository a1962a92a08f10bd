"""Registered vectors straight from a server's REST API: importing MLflow takes longer than the server's answer.

Whatever is not as expected there, ways to sign in other than a name and password or a token among them, is left
to MLflow itself, see :func:`steerstack_registry.read.listing.list_vectors`.
"""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import contextmanager
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx

from steerstack.util import http
from steerstack_registry.access import names
from steerstack_registry.read.rows import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PAGE = 1000
_PATIENCE = httpx.Timeout(20.0, connect=5.0)
"""Seconds: a busy server's answer may take as long as MLflow's own client waits; one that is away is soon known."""
_MEASURED = ("key", "value", "timestamp", "run_id", "dataset_name", "dataset_digest")


class NotServedError(Exception):
    """The server does not answer, refuses, or answers otherwise than MLflow 3.17 does."""


@contextmanager
def served(uri: str) -> Iterator[Served]:
    """A server's vectors, for a while.

    Raises
    ------
    NotServedError
        It does not answer, refuses, or answers otherwise than expected.
    """
    name, password, token = (os.environ.get(f"MLFLOW_TRACKING_{key}") for key in ("USERNAME", "PASSWORD", "TOKEN"))
    with http.client(
        base_url=f"{uri.rstrip('/')}/api/2.0/mlflow/",
        auth=(name, password) if name and password else None,
        headers={"Authorization": f"Bearer {token}"} if token else None,
        timeout=_PATIENCE,
    ) as server:
        try:
            yield Served(server)
        except (httpx.HTTPError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotServedError(str(error)) from error


class Served:
    """A source of rows, see :func:`steerstack_registry.read.rows.rows`."""

    def __init__(self, server: httpx.Client) -> None:
        self._server = server

    def versions(self, limit: int | None) -> list[Version]:
        """The newest of ours, newest first."""
        entries = self._pages("model-versions", names.OURS, limit, order_by="creation_timestamp DESC")
        return [
            Version(
                each["name"], int(each["version"]), int(each["creation_timestamp"]),
                {tag["key"]: tag.get("value", "") for tag in each["tags"]}, each["source"].removeprefix("models:/"),
            )
            for each in entries
        ]  # fmt: skip

    def metrics(self, models: Iterable[str]) -> Mapping[str, list[Any]]:
        """What was measured of some logged models."""
        some = names.quoted(models)
        query = {"experiment_ids": self._experiments, "filter": f"model_id IN {some}", "max_results": _PAGE}
        metrics: dict[str, list[Any]] = defaultdict(list)
        for model in _json(self._server.post("logged-models/search", json=query)).get("models", []):
            for metric in model.get("data", {}).get("metrics", []):
                fields = {**{field: metric.get(field, "") for field in _MEASURED}, "value": float(metric["value"])}
                metrics[model["info"]["model_id"]].append(SimpleNamespace(**fields))
        return metrics

    def aliases(self, called: Iterable[str]) -> Mapping[tuple[str, int], list[str]]:
        """The aliases of some registered names, by name and version."""
        aliases: dict[tuple[str, int], list[str]] = defaultdict(list)
        for model in self._pages("registered-models", f"name IN {names.quoted(called)}"):
            for alias in model.get("aliases", []):
                aliases[model["name"], int(alias["version"])].append(alias["alias"])
        return aliases

    @cached_property
    def _experiments(self) -> list[str]:
        experiments = self._pages("experiments", names.OUR_EXPERIMENTS)
        return [experiment["experiment_id"] for experiment in experiments]

    def _pages(self, kind: str, filter: str, limit: int | None = None, **asked: str) -> Iterator[dict[str, Any]]:
        """All there are of a kind, or the first of them."""
        remainder, token = limit, ""
        while remainder is None or remainder > 0:
            most = _PAGE if remainder is None else min(remainder, _PAGE)
            parameters: dict[str, str | int] = {"filter": filter, "max_results": most, "page_token": token, **asked}
            page = _json(self._server.get(f"{kind}/search", params=parameters))
            entries = page.get(kind.replace("-", "_"), [])
            yield from entries
            token, remainder = page.get("next_page_token", ""), None if remainder is None else remainder - len(entries)
            if not token:
                return


def _json(response: httpx.Response) -> Any:
    return response.raise_for_status().json()
