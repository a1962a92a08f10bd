"""Names, and the limits that MLflow puts on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steerstack.steering.vector import SteeringVector

NEWEST = "newest"
"""Alias of the newest version. MLflow reserves ``latest`` (and resolves ``models:/NAME/latest`` itself)."""

EXPERIMENT = "steerstack/"
"""How the names of our experiments begin; the behaviour follows."""

MODEL_TYPE = "steering-vector"
OURS = f"tags.`steerstack.type` = '{MODEL_TYPE}'"
"""MLflow's filter for registered vectors."""
NOTE = "mlflow.note.content"
VECTOR_ID = "steerstack.vector_id"
RECORD_ID = "steerstack.record_id"

DIGEST_LENGTH = 36
PARAM_LENGTH = 6000
TAG_LENGTH = 5000
KEY_LENGTH = 250
DESCRIPTION_LENGTH = 5000


def slug(text: str) -> str:
    """The text with everything but letters, digits, ``_ - .`` replaced by a dash."""
    return re.sub(r"[^A-Za-z0-9_.\-]+", "-", text).strip("-.") or "unknown"


def metric_key(text: str) -> str:
    """A name that MLflow takes for a metric or a parameter."""
    return re.sub(r"[^A-Za-z0-9_.\-/ ]", "-", text).strip("/ ")[: KEY_LENGTH - len(".ci_high")]


def registered_name(vector: SteeringVector, behavior: str, model_name: str, role: str = "") -> str:
    """``<behavior>--<model>--<method>``, and the role of a vector that is not a run's main one, less the method.

    A vector refitted on a fine-tune is a series of its own: as one more version under the main
    vector's name, it would take over the alias of the newest one.
    """
    made_on = vector.origin.model_name
    model = (model_name if made_on == "unknown" else made_on).rstrip("/").rsplit("/", 1)[-1]
    own = role.removeprefix(vector.origin.method)
    parts = [behavior, model, vector.origin.method, *([own] if own else [])]
    return "--".join(slug(part) for part in parts)


def quoted(values: Iterable[str]) -> str:
    """The right side of ``IN`` in MLflow's filters."""
    return f"({', '.join(sorted({repr(value) for value in values}))})"


def short(value: Any, length: int) -> str:
    """A value as text, cut to a length with an ellipsis."""
    text = str(value)
    return text if len(text) <= length else text[: length - 1] + "…"


def vector_facts(vector: SteeringVector, behavior: str) -> dict[str, str]:
    """What is worth comparing between vectors, for parameters and tags."""
    origin, norms = vector.origin, vector.norms.values()
    facts = {
        "behavior": behavior,
        "method": origin.method,
        "position": origin.position,
        "component": vector.component,
        "layers": ",".join(map(str, vector.layers)),
        "d_model": vector.d_model,
        "data_digest": origin.data_digest,
        "n_pairs": origin.n_pairs,
        "model_name": origin.model_name,
        "model_fingerprint": origin.model_fingerprint,
        "basis": origin.basis,
        "norm_min": f"{min(norms):.6g}",
        "norm_mean": f"{sum(norms) / len(vector.norms):.6g}",
        "norm_max": f"{max(norms):.6g}",
        "fingerprint": vector.fingerprint,
    }
    return {key: short(value, TAG_LENGTH) for key, value in facts.items()}
