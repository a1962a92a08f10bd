"""Names, and the limits that MLflow puts on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from steerstack.util import digest
from steerstack.util.text import file_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steerstack.steering.vector import SteeringVector

NEWEST = "newest"
"""Alias of the newest version. MLflow reserves ``latest`` (and resolves ``models:/NAME/latest`` itself)."""

EXPERIMENT = "steerstack/"
"""How the names of our experiments begin; the behaviour follows."""
OUR_EXPERIMENTS = f"name LIKE '{EXPERIMENT}%'"
"""MLflow's filter for them."""

MODEL_TYPE = "steering-vector"
OURS = f"tags.`steerstack.type` = '{MODEL_TYPE}'"
"""MLflow's filter for registered vectors."""
NOTE = "mlflow.note.content"
VECTOR_ID = "steerstack.vector_id"
RECORD_ID = "steerstack.record_id"
CHECKSUMS = "checksums.json"
"""File of a run with the SHA-256 of each of its other files, by path; its own is in the tag that follows."""
CHECKSUMS_ID = "steerstack.checksums"

DIGEST_LENGTH = 36
NAME_LENGTH = 200
PARAM_LENGTH = 6000
TAG_LENGTH = 5000
KEY_LENGTH = 250
DESCRIPTION_LENGTH = 5000


def experiment_name(behavior: str) -> str:
    """``steerstack/<behavior>``, which MLflow shows as it is; one that is longer than a database keeps is cut."""
    return EXPERIMENT + (behavior if len(behavior) <= NAME_LENGTH else file_name(behavior))


def metric_key(text: str) -> str:
    """A name that MLflow takes for a metric or a parameter; different texts have different ones.

    The signs of our own names, as in ``n=16``, become dashes; anything else that is lost leaves a digest.
    """
    longest = KEY_LENGTH - len(".ci_high")
    text = re.sub(r"[=:,()+]", "-", text)
    parts = (re.sub(r"[^A-Za-z0-9_.\- ]", "-", part).strip() for part in text.split("/"))
    plain = "/".join(part for part in parts if part.strip("."))
    if plain == text and len(plain) <= longest:
        return plain
    end = f"-{digest.of_json(text)[:8]}"
    return (plain[: longest - len(end)].rstrip("/ ") + end).lstrip("-")


def registered_name(vector: SteeringVector, behavior: str, model_name: str, role: str = "") -> str:
    """``<behavior>--<model>--<method>``, and the role of a vector that is not a run's main one, less the method.

    A vector refitted on a fine-tune is a series of its own: as one more version under the main
    vector's name, it would take over the alias of the newest one.
    """
    made_on = vector.origin.model_name
    model = (model_name if made_on == "unknown" else made_on).rstrip("/").rsplit("/", 1)[-1]
    own = role.removeprefix(vector.origin.method)
    return "--".join(
        [file_name(behavior), file_name(model), file_name(vector.origin.method), *([_role(own)] if own else [])]
    )


def _role(text: str) -> str:
    """Roles are our own words: spaces and commas between them become dashes, without a digest."""
    plain = re.sub(r"[ ,=():]+", "-", text).strip("-.")
    return file_name(plain or text)


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
