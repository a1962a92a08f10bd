"""Jobs of a server: queued for one thread, and their results kept for a while."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

from steerstack.serving.limits import Limits


class QueueFullError(Exception):
    """So many jobs wait that no further one is taken."""


class JobState(TypedDict):
    """What is told of a job, in the words of nnsight's protocol; ``data`` is the result, or where it is."""

    id: str
    status: str
    description: str
    data: NotRequired[str | bytes]


@dataclass
class ServerJob:
    """A request on its way.

    Attributes
    ----------
    id:
        Random, so that only who sent the request knows it.
    status:
        RECEIVED, RUNNING, COMPLETED or ERROR.
    description:
        The error.
    result:
        What the request saved, packed.
    asked:
        When its client last asked for it (seconds of a monotonic clock).
    held:
        Whether its client asks for nothing, since it holds a connection open until the result comes.
    """

    id: str
    status: str = "RECEIVED"
    description: str = ""
    result: bytes = b""
    asked: float = field(default_factory=time.monotonic)
    held: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def state(self, description: str | None = None) -> JobState:
        """What its client is told of it; the description is the error, unless another is given."""
        return {"id": self.id, "status": self.status, "description": description or self.description}

    def wanted(self) -> bool:
        """Whether nobody cancelled it."""
        return not self.cancelled.is_set()


class Jobs:
    """Runs jobs one after the other, in one thread.

    Parameters
    ----------
    number:
        Jobs that are remembered; the oldest finished ones are forgotten.
    size:
        Bytes of results that are remembered; the newest is kept whatever its size.
    limits:
        How many jobs may wait, and for how long without a question of their client's.
    """

    def __init__(self, number: int = 64, size: int = 1 << 30, limits: Limits = Limits()) -> None:  # noqa: B008  # frozen
        self._number, self._size, self._limits = number, size, limits
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._jobs: OrderedDict[str, ServerJob] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, work: Callable[[ServerJob], bytes], *, held: bool = False) -> ServerJob:
        """Queue a job, whose client may hold a connection open.

        Raises
        ------
        QueueFullError
            Too many wait.
        """
        job = ServerJob(secrets.token_urlsafe(24), held=held)
        with self._lock:
            if sum(not one.done.is_set() for one in self._jobs.values()) >= self._limits.queue:
                raise QueueFullError
            self._jobs[job.id] = job
            self._forget()
        self._thread.submit(self._run, job, work)
        return job

    def get(self, name: str) -> ServerJob | None:
        """The job of an id, if it is remembered: its client asks for it."""
        with self._lock:
            job = self._jobs.get(name)
        if job is not None:
            job.asked = time.monotonic()
        return job

    def _forget(self) -> None:
        finished = [name for name, job in self._jobs.items() if job.done.is_set()]
        for name in finished[:-1]:
            size = sum(len(job.result) for job in self._jobs.values())
            if len(self._jobs) > self._number or size > self._size:
                del self._jobs[name]

    def _run(self, job: ServerJob, work: Callable[[ServerJob], bytes]) -> None:
        try:
            if not job.wanted():
                raise RuntimeError("The job was cancelled.")
            if not job.held and time.monotonic() - job.asked > self._limits.patience:
                raise RuntimeError("The job was dropped: its client had not asked for it for a long time.")
            job.status = "RUNNING"
            job.result = work(job)
            job.status = "COMPLETED"
        except BaseException as error:  # a client's request must not end the server, nor stay unanswered
            job.status, job.description = "ERROR", str(error) or type(error).__name__
        finally:
            job.done.set()
