"""What a client is told that asks for what it cannot have, in OpenAI's form."""

from http import HTTPStatus

from starlette.responses import JSONResponse

from steerstack.errors import ArgumentError, RegistryError, SteerstackError


class UnknownNameError(ArgumentError):
    """A request names a model or a vector that is not served."""


class OverlongError(ArgumentError):
    """A request ran for longer than one may."""


def refusal(message: str, status: int = HTTPStatus.BAD_REQUEST, code: str | None = None) -> JSONResponse:
    """An error in OpenAI's form.

    Parameters
    ----------
    message:
        What happened, what was seen, and what to do.
    status:
        Of HTTP. OpenAI's client asks again after 429 and from 500 on.
    code:
        What a program may look at.
    """
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": code}}, status)


def refused(error: SteerstackError) -> JSONResponse:
    """What an error of ours says: what is not found is 404, all else the request's own fault."""
    absent = isinstance(error, UnknownNameError | RegistryError)
    parts = (error.happened, f"Seen: {error.seen}." if error.seen else "", error.fix)
    message = " ".join(part for part in parts if part)
    return refusal(message, HTTPStatus.NOT_FOUND if absent else HTTPStatus.BAD_REQUEST, type(error).__name__)
