"""The engine ``ray``: workers on a Ray cluster, or on a Ray that is started here."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import BrokenExecutor, Executor, Future
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr

from steerstack.contracts import Engine
from steerstack.errors import StudyError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable

OBJECT_STORE = 200_000_000
"""Bytes of the object store of a Ray that is started here; steps and their values are small."""


class RayEngine(Engine):
    """Workers of Ray: each an actor with a core, or with one or several GPUs, of its own.

    ``ray`` alone uses the cluster that ``RAY_ADDRESS`` names (``auto`` is the one of this machine), or
    starts Ray on this machine; ``ray://HOST:PORT`` is Ray's client address. The same steerstack and
    plugins must be installed on every node, and the model's files and ``STEERSTACK_HOME`` be visible to it.
    """

    name = "ray"
    paper = "Moritz et al., OSDI 2018, arXiv 1712.05889"
    needs = ("steerstack[ray]",)
    elsewhere = True

    _started: bool = PrivateAttr(default=False)

    def room(self, gpus: int) -> int:
        """Cores of the cluster, or so many GPUs of one node for each."""
        ray = self._ray()
        if not gpus:
            return max(1, int(ray.cluster_resources().get("CPU", 1)))
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return sum(int(node.get("GPU", 0)) // gpus for node in nodes)

    def worker(self, place: int, prepare: Callable[[int], None], threads: int, gpus: int) -> Executor:
        """An actor."""
        del threads  # the room is counted in cores
        return _Actor(self._ray(), partial(prepare, place), gpus)

    def close(self) -> None:
        """Leave Ray, if it was not in use here before."""
        if self._started:
            self._ray().shutdown()
            self._started = False

    def _ray(self) -> Any:
        """Ray, connected.

        Raises
        ------
        StudyError
            It is not installed, or the cluster cannot be reached.
        """
        try:
            import ray
        except ImportError as error:
            raise StudyError(
                "Ray is not installed.", seen=str(error), fix="pip install 'steerstack[ray]', or --engine processes."
            ) from error
        if not ray.is_initialized():
            where: dict[str, Any] = {"address": "local", "object_store_memory": OBJECT_STORE}
            if self.address or "RAY_ADDRESS" in os.environ:
                where = {"address": f"ray://{self.address}" if self.address else None}
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # what matters of them is in the error
                    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR", **where)
            except (ConnectionError, ValueError, RuntimeError, ImportError) as error:
                raise StudyError(
                    "Ray cannot be reached." if self.address else "Ray could not be started.",
                    seen=first_line(error),
                    fix="Check the address, that both sides have the same Ray, and RAY_AUTH_TOKEN if it wants one.",
                ) from error
            self._started = True
        return ray


class _Actor(Executor):
    """One actor of Ray as an executor."""

    def __init__(self, ray: Any, prepare: Callable[[], None], gpus: int) -> None:
        self._ray = ray
        options = {"num_cpus": 1, "num_gpus": gpus, "max_restarts": 0, "max_task_retries": 0}
        self._handle = ray.remote(_Host).options(**options).remote(prepare)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function in the actor."""
        future: Future[Any] = Future()
        reference = self._handle.call.remote(fn, *args, **kwargs)
        reference.future().add_done_callback(partial(self._pass_on, future))
        return future

    def _pass_on(self, found: Future[Any], future: Future[Any]) -> None:
        """What Ray raised, as what it was: a death, or the error of the function."""
        error = future.exception()
        if error is None:
            found.set_result(future.result())
        elif isinstance(error, self._ray.exceptions.RayActorError | self._ray.exceptions.WorkerCrashedError):
            broken = BrokenExecutor(str(error))
            broken.__cause__ = error
            found.set_exception(broken)
        else:
            found.set_exception(getattr(error, "cause", None) or error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the actor: nothing that is handed to it outlasts it."""
        del wait, cancel_futures
        self._ray.kill(self._handle)


class _Host:
    """What lives in the actor's process."""

    def __init__(self, prepare: Callable[[], None]) -> None:
        prepare()

    def call(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)
