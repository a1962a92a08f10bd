"""The file form of a run in the outbox: its facts in ``record.json``, its vectors and files in folders beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steerstack.contracts.recorder import Effect, RunRecord
from steerstack.errors import RegistryError
from steerstack.steering.vector import SteeringVector
from steerstack.util.files import write_atomically
from steerstack.util.guard import read_json
from steerstack_registry.access import location
from steerstack_registry.write.delivery import Delivery, facts

if TYPE_CHECKING:
    from collections.abc import Mapping

RECORD = "record.json"
_FIX = "Something changed it: mend it, or remove the folder."
_LARGEST = 1 << 30


class _Record(BaseModel):
    """``record.json``. What a later version added has a default, so that what an earlier one kept is still sent."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    behavior: str
    model_name: str
    model_fingerprint: str
    data_source: str
    data_digest: str
    data_split: str
    n_items: int = Field(strict=True)
    effects: list[Effect]
    parameters: dict[str, Any]
    result: dict[str, Any]
    card: str = ""
    verdict: str = ""
    failures: dict[str, list[str]] = {}
    roles: list[str]
    files: list[str]
    tracking_uri: str
    created_ms: int = Field(strict=True, ge=0)
    tags: dict[str, str]


def write(delivery: Delivery, uri: str, folder: Path) -> None:
    """Write a run into a folder, whole or not at all."""
    run, partial = delivery.run, folder.with_name(f".{folder.name}.partial")
    try:
        for place, vector in enumerate(run.vectors.values()):
            vector.save(partial / "vectors" / f"{place}.safetensors")
        for place, path in enumerate(run.files):
            write_atomically(partial / "files" / str(place) / path.name, path.read_bytes())
        content = {
            **facts(run),
            "roles": list(run.vectors),
            "files": [f"{place}/{path.name}" for place, path in enumerate(run.files)],
            "tracking_uri": location.without_password(uri),
            "created_ms": delivery.created_ms,
            "tags": dict(delivery.tags),
        }
        # Not write_json: an effect may be NaN, and comes back as such.
        write_atomically(partial / RECORD, json.dumps(content, indent=1, ensure_ascii=False))
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def meant_for(folder: Path) -> str:
    """The store that a run was meant for, without its password.

    Raises
    ------
    RegistryError
        The record cannot be read.
    """
    return _record(folder).tracking_uri


def read(folder: Path) -> tuple[Delivery, str]:
    """A run, and the store that it was meant for, without its password.

    Raises
    ------
    RegistryError
        Something in the folder was changed.
    VectorError
        So was one of its vectors.
    """
    record = _record(folder)
    run = RunRecord(
        **record.model_dump(exclude={"effects", "roles", "files", "tracking_uri", "created_ms", "tags"}),
        vectors=_vectors(folder, record.roles),
        effects=record.effects,
        files=[_file(folder, name) for name in record.files],
    )
    return Delivery(run, folder.name, record.created_ms, record.tags), record.tracking_uri


def _record(folder: Path) -> _Record:
    content: Mapping[str, Any] = read_json(folder / RECORD, RegistryError, most=_LARGEST, fix=_FIX)
    try:
        return _Record.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RegistryError(f"{folder / RECORD} is no kept run.", seen=f"{where}: {first['msg']}", fix=_FIX) from error


def _vectors(folder: Path, roles: list[str]) -> dict[str, SteeringVector]:
    if len(set(roles)) < len(roles):
        raise RegistryError(f"{folder / RECORD} is no kept run.", seen=f"a role twice: {', '.join(roles)}", fix=_FIX)
    return {role: SteeringVector.load(folder / "vectors" / f"{place}.safetensors") for place, role in enumerate(roles)}


def _file(folder: Path, name: str) -> Path:
    """One of a run's files: in its folder and nowhere else."""
    parts, path = PurePosixPath(name).parts, folder / "files" / name
    if len(parts) != 2 or ".." in parts or not parts[0].isdigit() or not path.is_file():
        raise RegistryError(f"{folder} lacks a file of its run.", seen=f"{name!r:.200}", fix=_FIX)
    return path
