"""The command line: one thin file a command. This one imports next to nothing, so that Ctrl-C is heard early."""

import sys
from typing import Any

from steerstack.cli.ctrl_c import is_stop, stoppable


def main() -> None:
    """Run the command line; our own errors become messages and exit code 1, Ctrl-C a message and exit code 130."""
    stoppable(_run)


def _run() -> None:
    from steerstack.cli.console import complain
    from steerstack.cli.program import app
    from steerstack.errors import SteerstackError

    try:
        app()
    except SteerstackError as error:
        if is_stop(error):
            raise
        complain(str(error))
        sys.exit(1)


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module 'steerstack.cli' has no attribute {name!r}")
    from steerstack.cli.program import app

    return app
