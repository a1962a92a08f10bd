"""A run on its way to the store: complete, plain, and with a name of its own."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from steerstack.contracts.recorder import Effect, RunRecord
from steerstack.errors import RegistryError
from steerstack.report.page import interval
from steerstack.util import digest
from steerstack.util.text import markdown
from steerstack_registry.access.connection import quietly


@dataclass(frozen=True)
class Delivery:
    """A run, and what must not depend on when it is delivered.

    Attributes
    ----------
    run:
        The run; its parameters and result hold JSON values only.
    record_id:
        Its name: time and digest. The store is asked for it, so that nothing is recorded twice.
    created_ms:
        When it was made, in milliseconds.
    tags:
        What ran: versions, device, commit.
    """

    run: RunRecord
    record_id: str
    created_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> str:
        """The digest in its name: of all that was found, whenever that was."""
        return self.record_id.rpartition("-")[2]


def plain(value: Any) -> Any:
    """The value in JSON's terms; NaN and infinity, which JSON has not, become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(part) for part in value]
    return str(value)


def table(title: str, effects: Sequence[Effect]) -> str:
    """A section of a card with effects, as a Markdown table."""
    rows = [f"| {markdown(effect.name)} | {interval(effect)} | {effect.n} |" for effect in effects]
    head = [f"## {title}", "", "| effect | estimate and interval | n |", "|---|---|---|"]
    return "\n".join([*head, *rows])


def on(split: str) -> str:
    """A split in words."""
    return "all items" if split == "all" else f"the {split} split"


def identity(run: RunRecord) -> dict[str, object]:
    """What was run, on which model and data."""
    return {
        "kind": run.kind,
        "behavior": run.behavior,
        "model_name": run.model_name,
        "model_fingerprint": run.model_fingerprint,
        "data_source": run.data_source,
        "data_digest": run.data_digest,
        "data_split": run.data_split,
        "n_items": run.n_items,
    }


def facts(run: RunRecord) -> dict[str, object]:
    """All of a run that is not a tensor or a file. NaN among the effects stays NaN."""
    return {
        **identity(run),
        "effects": [asdict(effect) for effect in run.effects],
        "parameters": plain(run.parameters),
        "result": plain(run.result),
        "card": run.card,
        "verdict": run.verdict,
        "failures": plain(run.failures),
    }


def prepare(run: RunRecord) -> Delivery:
    """Name a run, and note what ran it.

    Raises
    ------
    RegistryError
        A file to be kept is missing.
    """
    missing = [path for path in run.files if not path.is_file()]
    if missing:
        raise RegistryError(
            "A file to be recorded is missing.", seen=", ".join(map(str, missing)), fix="Write it first, then record."
        )
    run = replace(run, parameters=plain(run.parameters), result=plain(run.result))
    now = time.time()
    contents = [facts(run), {role: vector.fingerprint for role, vector in run.vectors.items()}]
    name = f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%S%f}-{digest.of_bytes(json.dumps(contents).encode())[:12]}"
    return Delivery(run, name, int(now * 1000), _context_tags())


def _context_tags() -> dict[str, str]:
    try:
        with quietly():
            from mlflow.tracking.context.registry import resolve_tags

            from steerstack_registry.write.context import SteerstackContext

            # Ours is among MLflow's where steerstack is installed, but not where it is only on the path.
            tags = {**resolve_tags(), **SteerstackContext().tags()}
            return {str(key): str(value) for key, value in tags.items()}
    except Exception:  # tags are no reason to lose a run; a broken MLflow shows itself when it is delivered
        return {}
