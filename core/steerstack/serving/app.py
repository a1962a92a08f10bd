"""The web side of a server of nnsight's protocol: what NDIF's clients ask for, and nothing else."""

import io
import secrets
from collections.abc import Sequence
from contextlib import suppress

import anyio
import anyio.to_thread
import torch
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from steerstack.errors import first_line
from steerstack.serving.deployment import Deployment, Envelope, MalformedRequestError
from steerstack.serving.jobs import Jobs, QueueFullError, ServerJob
from steerstack.serving.limits import Limits
from steerstack.serving.request_size import Bounded
from steerstack.serving.token import may_ask
from steerstack.serving.worker import Worker
from steerstack.trace.remote.runner import versions


class Service:
    """The endpoints.

    Parameters
    ----------
    deployment:
        What it holds.
    worker:
        Runs requests.
    jobs:
        The thread that hands them to it.
    token:
        What every request must carry in the header ``ndif-api-key``.
    hosts:
        Names by which it may be asked for: a page in a browser could point a name of its own here.
    limits:
        Of what is sent.
    """

    def __init__(
        self,
        deployment: Deployment,
        worker: Worker,
        jobs: Jobs,
        token: str,
        hosts: Sequence[str] = ("*",),
        limits: Limits = Limits(),  # noqa: B008  # frozen
    ) -> None:
        self._deployment, self._worker, self._jobs, self._limits = deployment, worker, jobs, limits
        self._token, self._hosts = token, list(hosts)
        self._sockets: dict[str, WebSocket] = {}

    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                Route("/env", self._env),
                Route("/status", self._status),
                Route("/request", self._request, methods=["POST"]),
                Route("/request/{job}", self._cancel, methods=["DELETE"]),
                Route("/response/{job}", self._response),
                Route("/result/{job}", self._result, name="result"),
                WebSocketRoute("/subscribe", self._subscribe),
            ],
            middleware=[
                Middleware(TrustedHostMiddleware, allowed_hosts=self._hosts),
                Middleware(Bounded, size=self._limits.request),
            ],
        )

    def _knows(self, connection: HTTPConnection) -> bool:
        return may_ask(connection, connection.headers.get("ndif-api-key", ""), self._token)

    async def _env(self, request: Request) -> Response:
        return JSONResponse(versions()) if self._knows(request) else _refusal()

    async def _status(self, request: Request) -> Response:
        return JSONResponse(self._deployment.status()) if self._knows(request) else _refusal()

    async def _request(self, request: Request) -> Response:
        if not self._knows(request):
            return _refusal()
        theirs, ours = request.headers.get("nnsight-version", ""), versions()["packages"]["nnsight"]
        if theirs and theirs.split(".")[:2] != ours.split(".")[:2]:
            return JSONResponse({"detail": f"The server has nnsight {ours}, the client {theirs}."}, 409)
        try:
            async with request.form(max_files=1, max_fields=4) as form:
                envelope, upload = form.get("data"), form.get("blob")
                blob = upload.encode() if isinstance(upload, str) else await upload.read() if upload else None
            if not isinstance(envelope, str) or blob is None:
                raise MalformedRequestError("The request has no fields data and blob.")
            message = Envelope.model_validate_json(envelope)
            reason = self._deployment.refuses(message)
        except (MalformedRequestError, ValidationError) as error:
            return JSONResponse({"detail": first_line(error)}, 422)
        if reason:
            return JSONResponse({"detail": reason}, 404)
        try:
            socket = self._sockets.get(message.session_id)
            held = socket is not None  # who hangs up cancels it: see _subscribe
            job = self._jobs.add(lambda job: self._worker.run(envelope, blob, job.wanted), held=held)
        except QueueFullError:
            return JSONResponse({"detail": "Too many jobs wait; try again later."}, 503)
        if socket is not None:
            socket.state.job = job
            socket.state.given.set()
        return JSONResponse({**job.state("queued"), "status": "RECEIVED"})

    async def _cancel(self, request: Request) -> Response:
        """Drop a job that waits, or end one that runs."""
        if not self._knows(request):
            return _refusal()
        job = self._jobs.get(request.path_params["job"])
        if job is None:
            return JSONResponse({"detail": "There is no such job."}, 404)
        job.cancelled.set()
        return JSONResponse(job.state("to be cancelled"))

    async def _response(self, request: Request) -> Response:
        if not self._knows(request):
            return _refusal()
        job = self._jobs.get(request.path_params["job"])
        if job is None:
            return JSONResponse({"detail": "There is no such job."}, 404)
        state = job.state()
        if state["status"] == "COMPLETED":
            state["data"] = str(request.url_for("result", job=job.id))
        return JSONResponse(state)

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
            if socket.state.given.is_set():  # who hung up wants no answer
                socket.state.job.cancelled.set()


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
    state = job.state()
    if state["status"] == "COMPLETED":
        state["data"] = job.result
    torch.save(state, file, pickle_protocol=4)
    return file.getvalue()
