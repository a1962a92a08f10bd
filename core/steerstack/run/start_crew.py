"""Where a study's steps run: here, or in the workers of ``--engine``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from steerstack.catalog.lookup import find
from steerstack.errors import StudyError
from steerstack.run.crew import Crew
from steerstack.run.worker_model import opening
from steerstack.trace.model import Model

LOCAL = "local"
"""The engine that is this process."""


@contextmanager
def crew_for(
    model: Model,
    engine: str,
    workers: int | None,
    *,
    source: str,
    revision: str | None = None,
    dtype: str | None = None,
    device: str | None = None,
    gpus: int | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[Crew | None]:
    """The workers that ``--engine`` and ``--workers`` ask for, while a study runs; None for this process.

    Parameters
    ----------
    model:
        The model of the study, open in this process.
    engine:
        ``local``, or the name of an engine, with ``://address`` where it needs one.
    workers:
        How many; None for as many as there are cores for with their threads, and at least two.
    source, revision, dtype, device:
        How each worker opens the same model.
    gpus:
        How many GPUs each worker has for itself; None for one where the model lies on a GPU here, else none.
    note:
        Told what would be faster.

    Raises
    ------
    PluginError
        There is no such engine.
    StudyError
        It cannot be used here.
    """
    name, _, address = engine.partition("://")
    if name == LOCAL:
        if workers not in (None, 1) or address or gpus is not None:
            options = {"workers": workers, "gpus-per-worker": gpus}
            raise StudyError(
                "The local engine is this process alone.",
                seen=" ".join([f"--engine {engine}", *(f"--{key} {of}" for key, of in options.items() if of)]),
                fix="Add --engine processes.",
            )
        yield None
        return
    cls = find("engine", name)
    if address and not cls.elsewhere:
        raise StudyError(f"The engine {name} has no address.", seen=engine, fix=f"Write --engine {name}.")
    plugin = cls.make({"address": address} if address else {})
    how = opening(model, source, revision=revision, dtype=dtype, device=device, gpus=gpus)
    room = plugin.room(how.gpus)
    threads = 1 if how.gpus else torch.get_num_threads()
    size = workers or max(1, min(room, max(2, room // threads)))
    if size > room:
        raise StudyError(
            f"The engine {name} has no room for {_number(size, 'worker')}{_with(how.gpus)}.",
            seen=f"room for {_number(room, 'worker')}",
            fix=f"Use --workers {room}, or leave it out." if room else "Use a smaller --gpus-per-worker.",
        )
    if size * threads > room:
        note(
            f"{size} workers of {threads} threads share {room} cores. OMP_NUM_THREADS=1 is faster; set it for every "
            "run of the study, since another number of threads changes the last bits."
        )
    with Crew(plugin, how, size) as crew:
        yield crew


def _with(gpus: int) -> str:
    return f" with {_number(gpus, 'GPU')} each" if gpus else ""


def _number(of: int, thing: str) -> str:
    return f"{of} {thing}" if of == 1 else f"{of} {thing}s"
