"""Keeping other processes on this machine away for a while."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock file, which stays; the system lets go of it when the process ends, however it ends.

    Without ``fcntl`` (Windows) nothing is locked.

    Raises
    ------
    BlockingIOError
        Another process holds it, and we are not to wait.
    OSError
        The file cannot be made.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
