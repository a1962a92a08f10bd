"""What a server needs beyond the base installation, looked for before a model is opened."""

from importlib.util import find_spec

from steerstack.errors import SteerstackError

NEEDED = {
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "websockets": "websockets",
    "python_multipart": "python-multipart",
    "psutil": "psutil",
}
"""Modules, and the packages that they come in: those of the extra ``serve``."""


def check_packages() -> None:
    """Refuse to start without one of them.

    Raises
    ------
    SteerstackError
        A package is missing; all that are missing are named.
    """
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise SteerstackError(
            "The server's packages are missing, so no model was opened.",
            seen=f"not installed: {', '.join(missing)}",
            fix='Install them: pip install "steerstack[serve]"',
        )
