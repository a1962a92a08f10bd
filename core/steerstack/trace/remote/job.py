"""One request to a server of nnsight's protocol: sent, waited for, and sent again after a restart."""

import logging
import sys
import time
from typing import Any

import httpx
import nnsight
from nnsight.intervention.backends.remote import RemoteBackend
from nnsight.intervention.backends.remote import RemoteError as Failed
from nnsight.schema.request import RequestModel
from nnsight.schema.response import ResponseModel, Status
from pydantic import ValidationError

from steerstack.errors import RemoteError
from steerstack.trace.remote.pending_jobs import Pending
from steerstack.trace.remote.pickle_reader import decompressed, read_saved
from steerstack.util import http

POLL = (0.02, 1.0)
"""Seconds between two looks at the state of a job: at first, and at most."""

FORGOTTEN = 30
"""Looks in a row at a job that the server does not know before it is sent again: NDIF knows new ones after a while."""

GATEWAY = (502, 503, 504)
"""What a gateway answers for a server that starts, and a server whose queue is full."""

REACH = httpx.Timeout(10.0, read=600.0)
"""Seconds for which one look waits: a server that is away is soon known, a large answer takes minutes to be packed."""

QUIET = 2.0
"""Seconds for which nothing is said of a job that is waited for."""

log = logging.getLogger(__name__)


class Job(RemoteBackend):
    """A request that does not hold a connection open while the server works.

    As nnsight's backend it only takes down the block; :meth:`result` sends it and waits.

    Parameters
    ----------
    model_key, host, api_key, env:
        As of nnsight's backend.
    pending:
        Knows whether an earlier process sent the same call; None where it is of no use.
    poll:
        Seconds between two looks at the state of the job: at first, and at most.
    """

    def __init__(
        self,
        model_key: str,
        *,
        host: str,
        api_key: str | None,
        env: dict[str, Any],
        pending: Pending | None = None,
        poll: tuple[float, float] = POLL,
    ) -> None:
        super().__init__(model_key, host=host, api_key=api_key, env=env, blocking=False)
        self.api_key = api_key or ""  # without one nnsight's falls back on the key that it keeps for NDIF
        self._pending, self._poll = pending, poll
        self.job_id = pending.job_id if pending else None
        self.status: Status | None = None
        self._blob = b""
        self._was_away = self.job_id is not None  # then a server that does not know the job will not get to know it

    def __call__(self, tracer: Any = None) -> None:
        """Take down what is to be sent."""
        self._blob = self._serialize(tracer)

    def result(self) -> dict[str, object]:
        """Send the request, if the server does not have it, and wait for what it saved.

        Raises
        ------
        ConnectionError
            The server is not there; calling again goes on.
        RemoteError
            It refuses, or could not run the request.
        """
        try:
            value = self._wait()
        except httpx.HTTPStatusError as error:
            if error.response.status_code in GATEWAY:
                self._was_away = self.job_id is not None
                raise ConnectionError(str(error)) from error
            raise refused(self.host, error.response.status_code, error.response.text) from error
        except httpx.HTTPError as error:
            self._was_away = self.job_id is not None
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        except httpx.InvalidURL as error:
            raise nonsense(self.host, str(error)) from error
        except Failed as error:
            if self._pending:
                self._pending.answered()
            raise failed(self.host, str(error)) from error
        if self._pending:
            self._pending.answered()
        return value

    def _wait(self) -> dict[str, object]:
        pause, missing, began, message = self._poll[0], 0, time.monotonic(), ""
        while True:
            if self.job_id is None:
                request = RequestModel(model_key=self.model_key, compress=self.compress, env=self.env)
                self.job_id = self._post(request, self._blob).id
                if self._pending:
                    self._pending.sent(self.job_id)
            with http.client(timeout=REACH) as client:
                reply = client.get(f"{self.host}/response/{self.job_id}", headers=self._key())
            if reply.status_code == 404:
                missing += 1
                if missing > (0 if self._was_away else FORGOTTEN):
                    self.job_id, missing = None, 0  # it started anew, and knows nothing of the job
            else:
                reply.raise_for_status()
                response = self._said(reply)
                now = f"{response.status.value.lower()} {response.description or ''}".strip()
                if now != message and time.monotonic() - began >= QUIET and response.status != Status.ERROR:
                    log.info("%s: %s", self.host, now)
                    message = now
                value, self.status = self.handle(response), response.status
                if response.status == Status.COMPLETED:
                    if not isinstance(value, dict):
                        raise nonsense(self.host, f"a result that is a {type(value).__name__}")
                    return value
            self._was_away = False
            time.sleep(pause)
            pause = min(self._poll[1], pause * 1.5)

    def _post(self, request: RequestModel, blob: bytes) -> ResponseModel:
        """Send the request as nnsight does, by a client of ours."""
        about = {"nnsight-version": nnsight.__version__, "python-version": sys.version}
        about["ndif-timestamp"] = repr(time.time())
        with http.client(timeout=REACH) as client:
            reply = client.post(
                f"{self.host}/request",
                data={"data": request.metadata()},
                files={"blob": ("request", blob, "application/octet-stream")},
                headers={**about, **self._key()},
            )
        reply.raise_for_status()
        return self._said(reply)

    def _said(self, reply: httpx.Response) -> ResponseModel:
        try:
            return ResponseModel.model_validate_json(reply.content)
        except ValidationError as error:
            raise nonsense(self.host, reply.text[:100]) from error

    def download_result(self, url: object) -> Any:
        """What was saved, from where the server put it; nothing in it runs, and no key goes there."""
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise nonsense(self.host, f"a result at {str(url)[:100]!r}")
        with http.client(timeout=REACH) as client:
            reply = client.get(url)
        reply.raise_for_status()
        return self.finalize(reply.content)

    def finalize(self, content: bytes) -> Any:
        """What was saved, of its bytes."""
        return read_saved(decompressed(content, self.compress))

    def _key(self) -> dict[str, str]:
        return {"ndif-api-key": self.api_key} if self.api_key else {}


def nonsense(host: str, seen: str) -> RemoteError:
    """Something answers, but not in nnsight's protocol."""
    return RemoteError(
        f"{host} does not answer as a server of nnsight's protocol does.", seen=seen, fix="Check the address."
    )


def failed(host: str, traceback: str) -> RemoteError:
    """What the end of a job's traceback means."""
    last = (traceback.strip().splitlines() or ["no reason given"])[-1]
    fix = ""
    if last.startswith("ModuleNotFoundError"):
        fix = "Edits and plugins travel, the packages that they import do not: install it there, or do without."
    return RemoteError(f"The server {host} could not run the request.", seen=last, fix=fix)


def refused(host: str, status: int, text: str) -> RemoteError:
    """What a refusal means."""
    if status in (401, 403):
        return RemoteError(
            f"The server {host} refuses the API key.",
            seen=f"HTTP {status}: {text[:300]}",
            fix="Set STEERSTACK_SERVE_TOKEN to what steerstack serve prints; for NDIF, set NDIF_API_KEY.",
        )
    if status == 404:
        return RemoteError(
            f"The server {host} does not have this model.",
            seen=text[:300],
            fix="Give the model's name as the server was started with.",
        )
    return RemoteError(f"The server {host} refuses the request.", seen=f"HTTP {status}: {text[:300]}")
