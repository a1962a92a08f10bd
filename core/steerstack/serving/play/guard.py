"""Who may use the page: whoever has its token, from the page itself and under its own name."""

import hmac

from starlette.datastructures import Headers, QueryParams
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from steerstack.serving.request_size import Bounded

NAMES = ("127.0.0.1", "localhost")
"""Under which the page is asked for: another site could point a name of its own at this machine (DNS rebinding)."""

SIZE = 1 << 18
"""Bytes of the largest request."""

_REFUSAL = "Open the address that steerstack play printed: it holds the token without which nothing is answered.\n"


class Guard:
    """Lets through what carries the token: in the address for the page, in a header for what the page asks.

    A header cannot be sent by another site's page; where a browser says from which page a request comes, it must be
    this one.

    Parameters
    ----------
    app:
        The application.
    token:
        What every request must carry.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As of ASGI."""
        if scope["type"] == "lifespan" or self._knows(scope):
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse(_REFUSAL, 403)(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        if scope["type"] != "http":
            return False
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{headers.get('host')}":
            return False
        if scope["method"] == "GET":
            token = QueryParams(scope["query_string"]).get("token", "")
        else:
            token = headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(token.encode(), self._token.encode())


def guarded(app: ASGIApp, token: str) -> ASGIApp:
    """The application behind all checks: name, size, page of origin, token."""
    return TrustedHostMiddleware(Bounded(Guard(app, token), SIZE), NAMES, www_redirect=False)
