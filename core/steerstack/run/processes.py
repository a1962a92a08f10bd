"""The engine ``processes``: workers on this machine, each a process of its own."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from steerstack.catalog.hookspecs import hookimpl
from steerstack.contracts import Engine
from steerstack.util.ctrl_c import held

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor


class Processes(Engine):
    """Workers on this machine: one a core by default, or one a GPU. Each holds the model's weights."""

    name = "processes"

    def room(self, gpus: int) -> int:
        """Cores that this process may use, or so many of the GPUs that it sees for each."""
        import torch

        if gpus:
            return torch.cuda.device_count() // gpus
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def worker(self, place: int, prepare: Callable[[int], None], threads: int, gpus: int) -> Executor:
        """A pool of one fresh process."""
        del threads, gpus
        return _OneProcess(partial(prepare, place))


class _OneProcess(ProcessPoolExecutor):
    """A pool of one process, begun afresh (a fork would copy the threads' locks of torch), that can be ended."""

    def __init__(self, prepare: Callable[[], None]) -> None:
        import multiprocessing

        super().__init__(1, multiprocessing.get_context("spawn"), _begin, (prepare,))
        before = {child.pid for child in multiprocessing.active_children()}
        self._started: list[Any] = []
        try:
            with held():
                self.submit(os.getpid)  # starts the process
                self._started = [child for child in multiprocessing.active_children() if child.pid not in before]
        except BaseException:  # nobody would know of it
            self.shutdown(cancel_futures=True)
            raise

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the pool; with ``cancel_futures``, end the process whatever it is doing."""
        if cancel_futures:
            for child in self._started:
                child.kill()
        super().shutdown(wait or cancel_futures, cancel_futures=cancel_futures)  # a killed one is soon gone


def _begin(prepare: Callable[[], None]) -> None:
    """In the new process: end with the one that started it, however that ends."""
    import multiprocessing
    import threading

    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    prepare()


@hookimpl
def steerstack_engines() -> Sequence[type[Any]]:
    """The process pool."""
    return [Processes]
