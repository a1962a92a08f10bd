"""Lists of vectors straight from a local SQLite store: importing MLflow takes longer than people wait for a list.

It reads tables that MLflow 3.17 made (which version is bound in pyproject.toml); any surprise there is left
to MLflow itself, see :func:`steerstack_registry.read.listing.list_vectors`.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from steerstack_registry.access import names
from steerstack_registry.read.rows import Version, row

if TYPE_CHECKING:
    from pathlib import Path

    from steerstack.contracts.recorder import VectorRow

_BUSY = 5.0
"""Seconds to wait for somebody who writes; after that MLflow itself is asked, which waits longer."""

_CHOSEN = """
    SELECT name, version, creation_time, replace(source, 'models:/', '')
    FROM (SELECT * FROM model_versions WHERE current_stage != 'Deleted_Internal'
          ORDER BY creation_time DESC, name DESC, version DESC LIMIT -1) v
    WHERE EXISTS (SELECT 1 FROM model_version_tags t
                  WHERE t.workspace = v.workspace AND t.key = 'steerstack.type' AND t.name = v.name
                    AND t.version = v.version AND t.value = ?)
    LIMIT ?
"""
# CROSS JOIN keeps SQLite from scanning all metrics and looking each up among the chosen.
_TAGS = """
    SELECT t.name, t.version, t.key, t.value FROM chosen c CROSS JOIN model_version_tags t
      ON t.workspace = 'default' AND t.name = c.name AND t.version = c.version
"""
_ALIASES = """
    SELECT a.name, a.version, a.alias FROM chosen c CROSS JOIN registered_model_aliases a
      ON a.name = c.name AND a.version = c.version
"""
_METRICS = """
    SELECT m.model_id, m.metric_name, m.metric_value, m.metric_timestamp_ms, m.run_id, m.dataset_name, m.dataset_digest
    FROM chosen c CROSS JOIN logged_model_metrics m ON m.model_id = c.model
"""


@dataclass(frozen=True, slots=True)
class _Metric:
    """The parts of MLflow's ``Metric`` that are looked at."""

    key: str
    value: float
    timestamp: int
    run_id: str
    dataset_name: str
    dataset_digest: str


def newest(file: Path, limit: int | None) -> list[VectorRow]:
    """The newest registered versions, newest first; raises sqlite3.Error if the tables are not as expected."""
    tags: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    aliases: dict[tuple[str, int], list[str]] = defaultdict(list)
    metrics: dict[str, list[_Metric]] = defaultdict(list)
    with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=_BUSY)) as db:
        db.execute("CREATE TEMP TABLE chosen (name TEXT, version INTEGER, created INTEGER, model TEXT)")
        db.execute(f"INSERT INTO chosen {_CHOSEN}", (names.MODEL_TYPE, -1 if limit is None else limit))
        versions = db.execute("SELECT name, version, created, model FROM chosen ORDER BY rowid").fetchall()
        for name, version, key, value in db.execute(_TAGS):
            tags[name, version][key] = value
        for name, version, alias in db.execute(_ALIASES):
            aliases[name, version].append(alias)
        for model, *values in db.execute(_METRICS):
            metrics[model].append(_Metric(*values))
    return [
        row(Version(name, version, created, tags[name, version], model), aliases[name, version], metrics[model])
        for name, version, created, model in versions
    ]
