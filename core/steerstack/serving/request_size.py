"""A bound on the size of requests, kept while they come in."""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Bounded:
    """Refuses requests that are larger than a bound, by what they declare or by what comes.

    Parameters
    ----------
    app:
        The application.
    size:
        Bytes of the largest request.
    refuse:
        From what is to be said and the status, the answer to one that is larger.
    """

    def __init__(
        self,
        app: ASGIApp,
        size: int,
        refuse: Callable[[str, int], Response] = lambda what, status: JSONResponse({"detail": what}, status),
    ) -> None:
        self._app, self._size, self._refuse = app, size, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As of ASGI."""
        declared = dict(scope.get("headers", ())).get(b"content-length", b"0")
        if scope["type"] == "http" and (not declared.isdigit() or len(declared) > 18 or int(declared) > self._size):
            await self._refuse(f"A request may have {self._size} bytes.", 413)(scope, receive, send)
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body") or b"")
            if came > self._size:
                raise HTTPException(413, f"A request may have {self._size} bytes.")
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)
