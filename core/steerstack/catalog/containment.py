"""What a stranger's module does beside being imported is held in: what it prints, raises, and sets for all of torch."""

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

log = logging.getLogger(__name__)


@contextlib.contextmanager
def contained(who: str) -> Iterator[None]:
    """Import or ask a plugin; what it prints goes to standard error, what it sets for all of torch is put back, named.

    Raises
    ------
    KeyboardInterrupt
        The user pressed Ctrl-C. One that the plugin raises by itself is a RuntimeError.
    """
    before, came = _settings(), list[int]()
    with contextlib.redirect_stdout(sys.stderr), _noting(came):
        try:
            yield
        except KeyboardInterrupt as error:
            if came:
                raise
            raise RuntimeError("KeyboardInterrupt, which nobody pressed") from error
        finally:
            _put_back(who, before)


@contextlib.contextmanager
def _noting(came: list[int]) -> Iterator[None]:
    """Note every Ctrl-C, which does what it did."""
    before: Any = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return

    def note(number: int, frame: Any) -> None:
        came.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is note:
            signal.signal(signal.SIGINT, before)


def _settings() -> dict[str, tuple[Any, Callable[[Any], Any]]]:
    """What holds for all of torch, and what sets it; nothing where torch is not loaded."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "set_default_dtype"):
        return {}
    return {
        "number of threads": (torch.get_num_threads(), torch.set_num_threads),
        "default dtype": (torch.get_default_dtype(), torch.set_default_dtype),
        "gradient mode": (torch.is_grad_enabled(), torch.set_grad_enabled),
    }


def _put_back(who: str, before: dict[str, tuple[Any, Callable[[Any], Any]]]) -> None:
    after = _settings()
    for name, (value, put) in before.items():
        if after[name][0] != value:
            put(value)
            log.warning("the plugin %s changed torch's %s; it was put back", who, name)
