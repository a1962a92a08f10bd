"""The web side of the page: what its script asks, and nothing else."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from steerstack.errors import ArgumentError, SteerstackError
from steerstack.serving.play.guard import guarded
from steerstack.serving.play.knobs import Asked, Knobs, read
from steerstack.serving.play.page import page
from steerstack.serving.play.playground import Playground
from steerstack.serving.play.stream import ModelThread


def play_app(playground: Playground, token: str, thread: ModelThread) -> ASGIApp:
    """The application.

    Parameters
    ----------
    playground:
        What stands behind it.
    token:
        What every request must carry.
    thread:
        Where the model runs.
    """
    return guarded(_Endpoints(playground, thread).app(), token)


class _Endpoints:
    def __init__(self, playground: Playground, thread: ModelThread) -> None:
        self._playground, self._thread = playground, thread

    def app(self) -> Starlette:
        routes = [
            Route("/", self._page),
            Route("/about", self._about, methods=["POST"]),
            Route("/answer", self._answer, methods=["POST"]),
            Route("/log-odds", self._log_odds, methods=["POST"]),
            Route("/study", self._study, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={ArgumentError: _refused})

    async def _page(self, _request: Request) -> HTMLResponse:
        return page()

    async def _about(self, _request: Request) -> Response:
        return self._thread.stream(lambda say: say(self._playground.about()))

    async def _answer(self, request: Request) -> Response:
        question = read(Asked, await request.body())
        return self._thread.stream(lambda say: self._playground.answer(question, say))

    async def _log_odds(self, request: Request) -> Response:
        knobs = read(Knobs, await request.body())
        return self._thread.stream(lambda say: self._playground.log_odds(knobs, say))

    async def _study(self, request: Request) -> Response:
        knobs = read(Knobs, await request.body())
        return self._thread.stream(lambda say: say({"study": self._playground.study(knobs)}))


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, SteerstackError)
    return JSONResponse({"happened": error.happened, "seen": error.seen, "fix": error.fix}, 422)
