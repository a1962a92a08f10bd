"""Jobs of a server: queued for one thread, and their results kept for a while."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field


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
    """

    id: str
    status: str = "RECEIVED"
    description: str = ""
    result: bytes = b""
    done: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """Runs jobs one after the other, in the one thread that opened the model.

    Parameters
    ----------
    number:
        Jobs that are remembered; the oldest finished ones are forgotten.
    size:
        Bytes of results that are remembered; the newest is kept whatever its size.
    """

    def __init__(self, number: int = 64, size: int = 1 << 30) -> None:
        self._number, self._size = number, size
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._jobs: OrderedDict[str, ServerJob] = OrderedDict()
        self._lock = threading.Lock()

    def first(self, work: Callable[[], None]) -> None:
        """Do something in the thread, and wait for it."""
        self._thread.submit(work).result()

    def add(self, work: Callable[[], bytes]) -> ServerJob:
        """Queue a job."""
        job = ServerJob(secrets.token_urlsafe(24))
        with self._lock:
            self._jobs[job.id] = job
            self._forget()
        self._thread.submit(self._run, job, work)
        return job

    def get(self, name: str) -> ServerJob | None:
        """The job of an id, if it is remembered."""
        with self._lock:
            return self._jobs.get(name)

    def _forget(self) -> None:
        finished = [name for name, job in self._jobs.items() if job.done.is_set()]
        for name in finished[:-1]:
            size = sum(len(job.result) for job in self._jobs.values())
            if len(self._jobs) > self._number or size > self._size:
                del self._jobs[name]

    def _run(self, job: ServerJob, work: Callable[[], bytes]) -> None:
        job.status = "RUNNING"
        try:
            job.result = work()
            job.status = "COMPLETED"
        except Exception as error:  # a client's request must not end the server
            job.status, job.description = "ERROR", str(error) or type(error).__name__
        finally:
            job.done.set()
