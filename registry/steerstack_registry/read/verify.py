"""Which recorded claims still hold: bytes, data, weights, and a few items measured again."""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steerstack.errors import SteerstackError
from steerstack_registry.access import location, names
from steerstack_registry.access.connection import reaching
from steerstack_registry.read.lineage import GONE, lineage
from steerstack_registry.read.load_vector import addressed, find, load_vector
from steerstack_registry.read.run_files import RunFiles
from steerstack_registry.write.versions import vector_id

if TYPE_CHECKING:
    from steerstack.steering.vector import SteeringVector
    from steerstack.trace.model import Model

TOLERANCE = 1e-3
"""Nats by which an item measured again may differ (another machine, another number of threads)."""

_PARTS = {"trained": "training data", "chosen": "validation data", "tested": "test data"}


@dataclass(frozen=True)
class Check:
    """One claim.

    Attributes
    ----------
    what:
        ``vector``, ``model``, ``run``, ``files``, ``training data``, ``validation data``, ``test data`` or ``items``.
    holds:
        True, False, or None where it cannot be looked at from here.
    detail:
        What was seen.
    """

    what: str
    holds: bool | None
    detail: str


def verify(vector: str, tracking_uri: str | None = None, *, items: int = 4) -> list[dict[str, Any]]:
    """Look at everything that the registry claims of a vector.

    Parameters
    ----------
    vector:
        A registered name (its newest version) or a ``models:/`` address.
    items:
        How many recorded test items are measured again; 0 for none.

    Raises
    ------
    RegistryError
        There is no such vector, or the store cannot be reached.
    """
    uri = location.resolve(tracking_uri)
    address = addressed(vector)
    checks: list[Check] = []
    steering_vector: SteeringVector | None = None
    with reaching(uri) as client:
        _, model = find(client, address)
        identity, fingerprint = model.tags.get(names.VECTOR_ID, ""), model.params.get("fingerprint", "")
    try:
        steering_vector = load_vector(address, tracking_uri)
        same = vector_id(steering_vector) == identity and steering_vector.fingerprint == fingerprint
        checks.append(
            Check("vector", same, f"fingerprint {steering_vector.fingerprint[:12]}, recorded {fingerprint[:12]}")
        )
    except SteerstackError as error:
        checks.append(Check("vector", False, error.happened))
    base_model = None
    if steering_vector is not None:
        base_model, check = _model(steering_vector)
        checks.append(check)
    about = lineage(address, tracking_uri)
    for run in (*about["made_by"], *about["used_by"]):
        checks.extend(_run(uri, run, steering_vector, base_model, items))
    return [asdict(check) for check in checks]


def _model(vector: "SteeringVector") -> "tuple[Model | None, Check]":
    from steerstack.trace.open import open_model

    name, fingerprint = vector.origin.model_name, vector.origin.model_fingerprint
    try:
        model = open_model(name)
    except SteerstackError as error:
        return None, Check("model", None, f"{name} cannot be opened here: {error.happened}")
    if model.fingerprint != fingerprint:
        return None, Check(
            "model", False, f"{name} has fingerprint {model.fingerprint[:12]}, recorded {fingerprint[:12]}"
        )
    return model, Check("model", True, f"{name}, fingerprint {fingerprint[:12]}")


def _run(
    uri: str, run: dict[str, Any], vector: "SteeringVector | None", model: "Model | None", items: int
) -> Iterator[Check]:
    name = f"run {run['run_id'][:8]}"
    if run["status"] == GONE:
        yield Check("run", False, f"{name} was deleted for good, and its files with it")
        return
    with reaching(uri) as client, tempfile.TemporaryDirectory() as folder:
        files = RunFiles(client, run["run_id"], Path(folder))
        faults = files.lost()
        if faults is not None:
            yield Check("files", not faults, f"{name}: {'; '.join(faults) or 'every file is as it was recorded'}")
        try:
            result = files.json("result.json")
            frame = files.frame("items.parquet")
        except SteerstackError as error:
            yield Check("items", False, f"{name}: {error.happened}")
            return
    if result is None:
        if faults is None:
            yield Check(
                "files", None, f"{name}, {run['kind']}: it has no result.json, and no list of its files was kept"
            )
        return
    claims = result.get("claims")
    if claims is None:
        yield Check("items", None, f"{name}, {run['kind']}: nothing was kept that could be measured again")
        return
    for part, what in _PARTS.items():
        for claim in claims.get(part, {}).values():
            yield _same_data(what, name, claim)
    if items and frame is not None and vector is not None and model is not None:
        from steerstack.data.manner import Manner
        from steerstack.study.claims import again

        model = model.asked(Manner.from_json(result.get("template", {})))
        comparison = again(claims, frame, vector, model, items)
        if comparison is not None:
            detail = f"{name}: {comparison[0]} results measured again, largest difference {comparison[1]:.1e} nats"
            yield Check("items", comparison[1] <= TOLERANCE, detail)


def _same_data(what: str, run: str, kept: dict[str, Any]) -> Check:
    from steerstack.study.claims import digest_now

    try:
        digest = digest_now(kept)
    except SteerstackError as error:
        return Check(what, None, f"{run}: {error.happened}")
    return Check(what, digest == kept["digest"], f"{run}: digest {digest[:12]}, recorded {kept['digest'][:12]}")
