"""The web side of a server of OpenAI's protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from steerstack.errors import SteerstackError
from steerstack.serving.limits import Limits
from steerstack.serving.openai.form import ChatForm, CompletionForm, checked
from steerstack.serving.openai.pieces import Chunks, Say
from steerstack.serving.openai.refusal import OverlongError, UnknownNameError, refusal, refused
from steerstack.serving.request_size import Bounded
from steerstack.serving.token import may_ask

if TYPE_CHECKING:
    from steerstack.serving.openai.reply import Responder

LOOK = 0.25
"""Seconds between two looks at whether a client still waits."""

Work = Callable[[Callable[[], None], Say | None], dict[str, Any]]
"""Makes an answer; it is given what it is to call in between, and who is to be told of each piece of text."""


class _GoneError(Exception):
    """Nobody waits for the answer any more."""


class OpenAIService:
    """The endpoints.

    Parameters
    ----------
    responder:
        Who answers.
    token:
        What every request must carry as OpenAI's API key.
    hosts:
        Names by which it may be asked for: a page in a browser could point a name of its own here.
    limits:
        Of the size of requests, how many may wait, and how long one may run.
    """

    def __init__(
        self,
        responder: Responder,
        token: str,
        hosts: Sequence[str] = ("*",),
        limits: Limits = Limits(),  # noqa: B008  # frozen
    ) -> None:
        self._responder, self._token, self._hosts, self._limits = responder, token, list(hosts), limits
        self._thread = ThreadPoolExecutor(responder.together, thread_name_prefix="model")
        self._waiting = 0

    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                Route("/v1/models", self._models),
                Route("/v1/models/{model:path}", self._one_model),
                Route("/v1/completions", self._completions, methods=["POST"]),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
            ],
            middleware=[
                Middleware(TrustedHostMiddleware, allowed_hosts=self._hosts),
                Middleware(Bounded, size=self._limits.request, refuse=refusal),
            ],
            exception_handlers={SteerstackError: _ours, HTTPException: _http, Exception: _unforeseen},
        )

    def close(self) -> None:
        """Take no more work."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _check(self, request: Request) -> None:
        if not may_ask(request, request.headers.get("authorization", "").removeprefix("Bearer "), self._token):
            raise HTTPException(HTTPStatus.UNAUTHORIZED, "The API key is missing or wrong, or a web page asks.")

    async def _models(self, request: Request) -> Response:
        self._check(request)
        return JSONResponse(self._responder.models())

    async def _one_model(self, request: Request) -> Response:
        self._check(request)
        name = request.path_params["model"]
        for entry in self._responder.models()["data"]:
            if entry["id"] == name:
                return JSONResponse(entry)
        raise UnknownNameError(f"There is no model {name[:200]!r} here.")

    async def _completions(self, request: Request) -> Response:
        self._check(request)
        form = checked(CompletionForm, await request.body())
        return await self._answer(request, form, partial(self._responder.complete, form))

    async def _chat(self, request: Request) -> Response:
        self._check(request)
        form = checked(ChatForm, await request.body())
        return await self._answer(request, form, partial(self._responder.chat, form))

    async def _answer(self, request: Request, form: CompletionForm | ChatForm, work: Work) -> Response:
        if self._waiting >= self._limits.queue:
            return refusal("Too many requests wait; try again later.", HTTPStatus.SERVICE_UNAVAILABLE, "queue_full")
        if not form.stream:
            return await self._run(request, work)
        usage = form.stream_options is not None and bool(form.stream_options.include_usage)
        chunks = Chunks(form.model, chat=isinstance(form, ChatForm), usage=usage)
        events = self._events(work, chunks)
        first = asyncio.ensure_future(anext(events))
        while not (await asyncio.wait({first}, timeout=LOOK))[0]:
            if await request.is_disconnected():
                first.cancel()
                return Response(status_code=HTTPStatus.NO_CONTENT)
        return StreamingResponse(_sent(await first, events), media_type="text/event-stream")

    async def _events(self, work: Work, chunks: Chunks) -> AsyncIterator[dict[str, Any]]:
        """The events of a streamed answer, as the thread in which the model runs makes them."""
        loop, gone, queue = asyncio.get_running_loop(), threading.Event(), asyncio.Queue[dict[str, Any] | None]()

        def put(event: dict[str, Any] | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever listened
                loop.call_soon_threadsafe(queue.put_nowait, event)

        self._waiting += 1
        try:
            answer = loop.run_in_executor(
                self._thread, self._timed, work, gone, lambda index, text: put(chunks.piece(index, text))
            )
            answer.add_done_callback(partial(_end, queue))
            while (event := await queue.get()) is not None:
                yield event
            if answer.cancelled():
                raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "The server was stopped.")
            for event in chunks.last(answer.result()):
                yield event
        finally:
            gone.set()
            self._waiting -= 1

    async def _run(self, request: Request, work: Work) -> Response:
        """The answer, once a thread in which the model runs has made it; nothing for a client that has gone."""
        gone = threading.Event()
        self._waiting += 1
        try:
            answer = asyncio.get_running_loop().run_in_executor(self._thread, self._timed, work, gone, None)
            while not (await asyncio.wait({answer}, timeout=LOOK))[0]:
                if await request.is_disconnected():
                    gone.set()
            return JSONResponse(answer.result())
        except _GoneError:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        except asyncio.CancelledError:  # only the end of the server cancels
            return refusal("The server was stopped.", HTTPStatus.SERVICE_UNAVAILABLE, "stopped")
        finally:
            gone.set()
            self._waiting -= 1

    def _timed(self, work: Work, gone: threading.Event, say: Say | None) -> dict[str, Any]:
        end = time.monotonic() + self._limits.seconds

        def alive() -> None:
            if gone.is_set():
                raise _GoneError
            if time.monotonic() > end:
                raise OverlongError(
                    "The request ran for longer than one may.",
                    seen=f"a bound of {self._limits.seconds:g} seconds",
                    fix="Send fewer prompts at once, or ask for fewer tokens; or start the server with --job-minutes.",
                )

        alive()
        return work(alive, say)


async def _sent(first: dict[str, Any], events: AsyncIterator[dict[str, Any]]) -> AsyncIterator[str]:
    """Server-sent events; an error that comes after the first of them is one of them."""
    try:
        yield _event(first)
        async for event in events:
            yield _event(event)
    except SteerstackError as error:
        yield f"data: {bytes(refused(error).body).decode()}\n\n"
    yield "data: [DONE]\n\n"


def _end(queue: asyncio.Queue[dict[str, Any] | None], answer: asyncio.Future[dict[str, Any]]) -> None:
    if not answer.cancelled():
        answer.exception()  # looked at, also where nobody listens any more
    queue.put_nowait(None)


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, allow_nan=False)}\n\n"


async def _ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, SteerstackError)
    return refused(error)


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(error.detail, error.status_code)


async def _unforeseen(_request: Request, error: Exception) -> Response:
    """What went wrong is told to who runs the server: Starlette raises it again, and uvicorn logs it."""
    return refusal(f"The server failed: {type(error).__name__}.", HTTPStatus.INTERNAL_SERVER_ERROR)
