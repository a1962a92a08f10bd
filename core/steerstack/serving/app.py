"""The web side of a server of nnsight's protocol: what NDIF's clients ask for, and nothing else."""

import hmac
import io
import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
import torch
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from steerstack.serving.jobs import Jobs, ServerJob
from steerstack.trace.remote.runner import Runner, versions


class Service:
    """The endpoints.

    Parameters
    ----------
    runner:
        Runs requests.
    jobs:
        The thread in which it does.
    token:
        What every request must carry in the header ``ndif-api-key``; None for nothing.
    hosts:
        Names by which it may be asked for: a page in a browser could point a name of its own here.
    """

    def __init__(self, runner: Runner, jobs: Jobs, token: str | None, hosts: Sequence[str] = ("*",)) -> None:
        self._runner, self._jobs, self._token, self._hosts = runner, jobs, token, list(hosts)
        self._sockets: dict[str, WebSocket] = {}

    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                Route("/env", self._env),
                Route("/status", self._status),
                Route("/request", self._request, methods=["POST"]),
                Route("/response/{job}", self._response),
                Route("/result/{job}", self._result, name="result"),
                WebSocketRoute("/subscribe", self._subscribe),
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=self._hosts)],
        )

    def _knows(self, connection: HTTPConnection) -> bool:
        origin = connection.headers.get("origin")
        if origin is not None and origin.partition("://")[2] != connection.headers.get("host"):
            return False  # a page in a browser, which may be anyone's; nnsight's client names this server itself
        given = connection.headers.get("ndif-api-key", "")
        return self._token is None or hmac.compare_digest(given.encode(), self._token.encode())

    async def _env(self, request: Request) -> Response:
        return JSONResponse(versions()) if self._knows(request) else _refusal()

    async def _status(self, request: Request) -> Response:
        return JSONResponse(self._runner.status()) if self._knows(request) else _refusal()

    async def _request(self, request: Request) -> Response:
        if not self._knows(request):
            return _refusal()
        theirs, ours = request.headers.get("nnsight-version", ""), versions()["packages"]["nnsight"]
        if theirs and theirs.split(".")[:2] != ours.split(".")[:2]:
            return JSONResponse({"detail": f"The server has nnsight {ours}, the client {theirs}."}, 409)
        async with request.form() as form:
            envelope, upload = str(form["data"]), form["blob"]
            blob = upload.encode() if isinstance(upload, str) else await upload.read()
        reason = self._runner.refuses(envelope)
        if reason:
            return JSONResponse({"detail": reason}, 404)
        job = self._jobs.add(lambda: self._runner.run(envelope, blob))
        socket = self._sockets.get(json.loads(envelope).get("session_id") or "")
        if socket is not None:
            socket.state.job = job
            socket.state.given.set()
        return JSONResponse({"id": job.id, "status": "RECEIVED", "description": "queued"})

    async def _response(self, request: Request) -> Response:
        if not self._knows(request):
            return _refusal()
        job = self._jobs.get(request.path_params["job"])
        if job is None:
            return JSONResponse({"detail": "There is no such job."}, 404)
        said: dict[str, Any] = {"id": job.id, "status": job.status, "description": job.description}
        if job.status == "COMPLETED":
            said["data"] = str(request.url_for("result", job=job.id))
        return JSONResponse(said)

    async def _result(self, request: Request) -> Response:
        """Asked for without the token, as NDIF's links to a store are: the id is secret."""
        job = self._jobs.get(request.path_params["job"])
        if job is None or job.status != "COMPLETED":
            return JSONResponse({"detail": "There is no such result."}, 404)
        return Response(job.result, media_type="application/octet-stream")

    async def _subscribe(self, socket: WebSocket) -> None:
        """For clients that hold a connection open until their result comes."""
        if not self._knows(socket):
            await socket.close(1008)
            return
        await socket.accept()
        session = secrets.token_urlsafe(24)
        socket.state.given = anyio.Event()
        self._sockets[session] = socket
        try:
            await socket.send_json({"session_id": session})
            async with anyio.create_task_group() as group:
                group.start_soon(_until_closed, socket, group.cancel_scope)
                await socket.state.given.wait()
                job: ServerJob = socket.state.job
                await anyio.to_thread.run_sync(job.done.wait, abandon_on_cancel=True)
                await socket.send_bytes(_packed(job))
                group.cancel_scope.cancel()
        finally:
            del self._sockets[session]


async def _until_closed(socket: WebSocket, scope: anyio.CancelScope) -> None:
    """End the wait of a client that goes away."""
    with suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()
    scope.cancel()


def _refusal() -> Response:
    return JSONResponse({"detail": "The API key is missing or wrong, or the request comes from a web page."}, 401)


def _packed(job: ServerJob) -> bytes:
    """A finished job as nnsight's binary message."""
    file = io.BytesIO()
    said = {"id": job.id, "status": job.status, "description": job.description}
    torch.save({**said, "data": job.result} if job.status == "COMPLETED" else said, file, pickle_protocol=4)
    return file.getvalue()
