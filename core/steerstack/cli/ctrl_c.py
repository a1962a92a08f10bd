"""Ctrl-C: the first stops the command, and those that come while it is being stopped change nothing."""

import _thread
import atexit
import contextlib
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

STOPPED = 130
"""Exit code of a command that Ctrl-C ended: 128 and the signal's number, as shells count."""

MESSAGE = "Stopped. What was finished is kept: the same command goes on from there."


class Stop(KeyboardInterrupt):
    """Ctrl-C. While one is alive, it is on its way to the end of the command."""


def _none() -> Stop | None:
    return None


_on_its_way: Callable[[], Stop | None] = _none


def stoppable(work: Callable[[], object]) -> None:
    """Do the work of a whole command; Ctrl-C in it becomes a message and exit code 130.

    A second Ctrl-C would break the tidying up that the first has begun, so it is ignored as long as
    the first one's exception is alive. Once that is swallowed (by a library, say), the next is raised
    again. Where work was ended by itself, Ctrl-C no longer changes its exit code.
    """
    try:
        _to_its_end(work)
    except BaseException as error:
        if not is_stop(error):
            raise
        _ignore()
    else:
        return
    with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
        sys.stderr.write(f"{MESSAGE}\n")
    _leave(STOPPED)


def _to_its_end(work: Callable[[], object]) -> None:
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored (nohup), or another's
            signal.signal(signal.SIGINT, _stop)
            sys.unraisablehook = _raise_again(sys.unraisablehook)
        work()
    except BaseException as error:
        if not is_stop(error):
            through(_code(error))
        raise
    through()


def through(code: int = 0) -> None:
    """Tell that the command is through: Ctrl-C now only ends the waiting for threads, with the same exit code."""
    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, lambda *_: _leave(code))
        atexit.register(_ignore)  # threads are waited for before that; and what is a function, Python takes away


def is_stop(error: BaseException) -> bool:
    """Whether Ctrl-C is what ended the work, also where somebody on the way made another error of it."""
    if isinstance(error, SystemExit) and error.code in (0, None):
        return False  # somebody took it for the end
    todo: list[BaseException] = [error]
    ids = set[int]()
    while todo:
        one = todo.pop()
        if isinstance(one, KeyboardInterrupt):
            return True
        ids.add(id(one))
        inside = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        todo += [more for more in (one.__cause__, one.__context__, *inside) if more and id(more) not in ids]
    return False


def _stop(_number: int, _frame: FrameType | None) -> None:
    global _on_its_way
    if _on_its_way() is not None:
        return
    stop = Stop()
    _on_its_way = weakref.ref(stop)
    try:
        raise stop
    finally:
        del stop  # this frame is in its traceback: it would keep itself alive


def _raise_again(otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A hook that sends Ctrl-C once more where Python had to drop it: in ``__del__``, or amid an import."""

    def once_more() -> None:
        while _on_its_way() is not None:  # the hook itself still holds it
            time.sleep(0.001)
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # a real one: it ends a wait, too
        else:
            _thread.interrupt_main()

    def hook(dropped: Any) -> None:
        if dropped.exc_type is Stop:
            threading.Thread(target=once_more, daemon=True).start()
        else:
            otherwise(dropped)

    return hook


def _code(error: BaseException) -> int:
    """The exit code that Python gives an error that nobody catches."""
    if not isinstance(error, SystemExit):
        return 1
    return error.code if isinstance(error.code, int) else int(error.code is not None)


def _ignore() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _leave(code: int) -> NoReturn:
    """End the process, tidied up, but without waiting for threads: they may be hours from their end."""
    _ignore()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
