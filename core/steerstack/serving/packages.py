"""What a server needs beyond the base installation, looked for before a model is opened."""

from collections.abc import Iterable
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

PAGE = ("starlette", "uvicorn")
"""Those of the modules that a page needs."""


def check_packages(modules: Iterable[str] | None = None) -> None:
    """Refuse to start without one of them.

    Parameters
    ----------
    modules:
        Which are needed; None for all of :data:`NEEDED`.

    Raises
    ------
    SteerstackError
        A package is missing; all that are missing are named.
    """
    missing = [NEEDED[module] for module in modules or NEEDED if find_spec(module) is None]
    if missing:
        raise SteerstackError(
            "The server's packages are missing, so no model was opened.",
            seen=f"not installed: {', '.join(missing)}",
            fix='Install them: pip install "steerstack[serve]"',
        )
