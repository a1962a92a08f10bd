"""Registered vectors as plain values, from whatever read them; imports nothing that takes time."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steerstack.contracts.recorder import KeptEffect, VectorRow

_AT_ONCE = 50  # their names go into an address, and proxies refuse those over 8 KB


def effects(metrics: Iterable[Any]) -> dict[str, KeptEffect]:
    """Effects by name, each from the newest run that measured it: the four numbers always belong together.

    Parameters
    ----------
    metrics:
        MLflow's ``Metric``, or something with the same fields.
    """
    runs: dict[tuple[int, str], dict[str, Any]] = defaultdict(dict)
    for metric in metrics:
        runs[metric.timestamp, str(metric.run_id)][metric.key] = metric
    results: dict[str, KeptEffect] = {}
    for (_, run_id), values in sorted(runs.items(), key=lambda entry: entry[0]):
        for key, metric in values.items():
            if f"{key}.n" not in values:
                continue  # an interval's end, or no metric of ours
            low, high = (values.get(f"{key}.{end}") for end in ("ci_low", "ci_high"))
            results[key] = {
                "value": metric.value,
                "ci_low": low.value if low else None,
                "ci_high": high.value if high else None,
                "n": int(values[f"{key}.n"].value),
                "data": metric.dataset_name,
                "data_digest": metric.dataset_digest,
                "run_id": run_id,
            }
    return results


class Version(NamedTuple):
    """One registered version; ``created`` is in milliseconds, ``model`` the id of the logged model behind it."""

    name: str
    number: int
    created: int
    tags: Mapping[str, str]
    model: str


class Source(Protocol):
    """A store that is asked for the newest versions, and for what belongs to some of them."""

    def versions(self, limit: int | None) -> list[Version]:
        """The newest of ours; all for None."""

    def metrics(self, models: Iterable[str]) -> Mapping[str, Iterable[Any]]:
        """What was measured of some logged models."""

    def aliases(self, called: Iterable[str]) -> Mapping[tuple[str, int], list[str]]:
        """The aliases of some registered names, by name and version."""


def rows(source: Source, limit: int | None) -> list[VectorRow]:
    """The newest registered versions, newest first."""
    vectors = []
    versions = sorted(source.versions(limit), key=lambda each: (each.created, each.name, each.number), reverse=True)
    for start in range(0, len(versions), _AT_ONCE):
        some = versions[start : start + _AT_ONCE]
        metrics = source.metrics(each.model for each in some)
        aliases = source.aliases(each.name for each in some)
        vectors += [row(each, aliases.get((each.name, each.number), []), metrics.get(each.model, [])) for each in some]
    return vectors


def row(version: Version, aliases: list[str], metrics: Iterable[Any]) -> VectorRow:
    """One registered version, as ``registry list --json`` shows it."""
    tags = version.tags
    return {
        "name": version.name,
        "version": version.number,
        "uri": f"models:/{version.name}/{version.number}",
        "aliases": sorted(aliases),
        "behavior": tags.get("steerstack.behavior", ""),
        "model": tags.get("steerstack.model_name", ""),
        "method": tags.get("steerstack.method", ""),
        "role": tags.get("steerstack.role", "base"),
        "fingerprint": tags.get("steerstack.fingerprint", ""),
        "created": datetime.fromtimestamp(version.created / 1000, UTC).isoformat(timespec="seconds"),
        "effects": effects(metrics),
    }
