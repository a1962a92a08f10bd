"""Jobs on servers whose answers have not come yet, on disk: the same call, made again, waits for the same job."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from steerstack.errors import SteerstackError
from steerstack.util.files import write_json
from steerstack.util.folders import home

KEPT = 24 * 3600
"""Seconds after which a job is not asked for any more: by then the server may hold other weights of the same name."""


class Pending:
    """The job of one call, if one was sent.

    Parameters
    ----------
    host, model_key:
        Where the call goes.
    call:
        All that decides its value. The bytes of a class that travels by value differ between
        processes: a call with one of a script or a notebook is sent anew.
    """

    def __init__(self, host: str, model_key: str, *call: Any) -> None:
        hasher = hashlib.sha256(repr((host, model_key)).encode())
        for part in call:
            hasher.update(part if isinstance(part, bytes) else repr(part).encode())
        self._path: Path = home() / "jobs" / f"{hasher.hexdigest()[:32]}.json"

    @property
    def job_id(self) -> str | None:
        """Id of the job that was sent, in this process or an earlier one."""
        try:
            value = json.loads(self._path.read_text(encoding="utf-8"))
            return str(value["id"]) if time.time() - value["sent"] < KEPT else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def sent(self, job_id: str) -> None:
        """Keep the id. Whoever has it can fetch the answer: the folder is the user's own."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_json(self._path, {"id": job_id, "sent": time.time()})
        except (SteerstackError, OSError):  # a full disk costs a repeated job, not this one
            return

    def answered(self) -> None:
        """Forget the job."""
        self._path.unlink(missing_ok=True)
