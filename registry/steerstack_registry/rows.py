"""Registered vectors as plain values, from whatever read them; imports nothing that takes time."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def effects(metrics: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Effects by name, each from the newest run that measured it: the four numbers always belong together.

    Parameters
    ----------
    metrics:
        MLflow's ``Metric``, or something with the same fields.
    """
    runs: dict[tuple[int, str], dict[str, Any]] = defaultdict(dict)
    for metric in metrics:
        runs[metric.timestamp, str(metric.run_id)][metric.key] = metric
    found: dict[str, dict[str, Any]] = {}
    for (_, run_id), values in sorted(runs.items(), key=lambda entry: entry[0]):
        for key, metric in values.items():
            if f"{key}.n" not in values:
                continue  # an interval's end, or no metric of ours
            low, high = (values.get(f"{key}.{end}") for end in ("ci_low", "ci_high"))
            found[key] = {
                "value": metric.value,
                "ci_low": low.value if low else None,
                "ci_high": high.value if high else None,
                "n": int(values[f"{key}.n"].value),
                "data": metric.dataset_name,
                "data_digest": metric.dataset_digest,
                "run_id": run_id,
            }
    return found


def row(
    name: str, version: int, created_ms: int, tags: Mapping[str, str], aliases: list[str], measured: dict[str, Any]
) -> dict[str, Any]:
    """One registered version, as ``registry list --json`` shows it."""
    return {
        "name": name,
        "version": version,
        "uri": f"models:/{name}/{version}",
        "aliases": sorted(aliases),
        "behavior": tags.get("steerstack.behavior", ""),
        "model": tags.get("steerstack.model_name", ""),
        "method": tags.get("steerstack.method", ""),
        "role": tags.get("steerstack.role", "base"),
        "fingerprint": tags.get("steerstack.fingerprint", ""),
        "created": datetime.fromtimestamp(created_ms / 1000, UTC).isoformat(timespec="seconds"),
        "effects": measured,
    }
