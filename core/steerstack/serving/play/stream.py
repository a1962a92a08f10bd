"""Work in the model's thread, whose word goes to the page as server-sent events while it runs."""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from starlette.responses import StreamingResponse

from steerstack.errors import SteerstackError

_LOG = logging.getLogger("steerstack")


class _GoneError(Exception):
    """Nobody listens any more."""


class ModelThread:
    """The one thread in which the model runs: what is asked meanwhile waits. It closes with its ``with`` block."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")

    def stream(self, work: Callable[[Callable[[dict[str, Any]], None]], object]) -> StreamingResponse:
        """The events that some work says. It ends at its next word once the page has gone away."""
        return StreamingResponse(self._events(work), media_type="text/event-stream")

    async def _events(self, work: Callable[[Callable[[dict[str, Any]], None]], object]) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        gone = threading.Event()

        def say(what: dict[str, Any] | None) -> None:
            if gone.is_set():
                raise _GoneError
            loop.call_soon_threadsafe(queue.put_nowait, what)

        self._thread.submit(_run, work, say)
        try:
            while (event := await queue.get()) is not None:
                if event:
                    yield f"data: {json.dumps(event, allow_nan=False)}\n\n"
        finally:
            gone.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Take no more work; what runs has ended, or ends at its next word."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _run(work: Callable[[Callable[[dict[str, Any]], None]], object], say: Callable[[Any], None]) -> None:
    try:
        try:
            say({})
            work(say)
        except SteerstackError as error:
            say({"error": {"happened": error.happened, "seen": error.seen, "fix": error.fix}})
        except _GoneError:
            return
        except Exception as error:
            _LOG.exception("The page's question failed")
            say({"error": {"happened": f"{type(error).__name__}: {error}", "seen": "", "fix": ""}})
        say(None)
    except (_GoneError, RuntimeError):  # the page went away, or the server's loop with it
        return
