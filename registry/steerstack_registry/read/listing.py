"""What the registry holds, as plain values for tables and JSON."""

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from typing import Any

from steerstack.contracts.recorder import VectorRow
from steerstack_registry.access import location, names
from steerstack_registry.access.connection import reaching
from steerstack_registry.read import by_sqlite
from steerstack_registry.read.by_client import ClientSource, version
from steerstack_registry.read.load_vector import addressed, find
from steerstack_registry.read.rows import effects, row, rows


def list_vectors(tracking_uri: str | None = None, limit: int | None = None) -> list[VectorRow]:
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
    file = location.database(uri)
    if file is not None:
        if not location.is_made(file):
            return []
        with contextlib.suppress(sqlite3.Error):  # locked, or tables of another MLflow: MLflow itself is asked
            return by_sqlite.newest(file, limit)
    if uri.startswith(("http://", "https://")) and "MLFLOW_REGISTRY_URI" not in os.environ:
        from steerstack_registry.read.by_rest import NotServedError, served  # httpx takes its time

        with contextlib.suppress(NotServedError), served(uri) as source:
            return rows(source, limit)
    with reaching(uri) as client:
        return rows(ClientSource(client), limit)


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
    with reaching(uri) as client:
        registration, model = find(client, addressed(name_or_uri))
        fields: Mapping[str, object] = {}
        if registration is not None:
            entry = version(registration)
            aliases = ClientSource(client).aliases([entry.name])
            fields = row(entry, aliases.get((entry.name, entry.number), []), model.metrics or [])
        return {
            **fields,
            "model_id": model.model_id,
            "run_id": model.source_run_id,
            "tracking_uri": location.without_password(uri),
            "parameters": dict(model.params),
            "effects": effects(model.metrics or []),
            "card": model.tags.get(names.NOTE, ""),
        }
