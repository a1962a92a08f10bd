"""Waiting for a condition, and never for a time."""

import subprocess
import time
from collections.abc import Callable
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

PATIENCE = 900
"""Seconds after which something is taken to hang; whatever works is done long before, on a slow machine too."""


def until(holds: Callable[[], object], what: str) -> None:
    """Return as soon as a condition holds.

    Raises
    ------
    AssertionError
        It never does.
    """
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.005)


def until_it_answers(process: "subprocess.Popen[bytes] | subprocess.Popen[str]", address: str) -> None:
    """Return as soon as a server that was just started answers, with whatever status.

    Raises
    ------
    AssertionError
        It ended, or never answers.
    """
    opener = build_opener(ProxyHandler({}))

    def answers() -> bool:
        assert process.poll() is None, f"the server at {address} ended with {process.returncode}"
        try:
            opener.open(address, timeout=PATIENCE).close()
        except HTTPError:
            return True
        except OSError:
            return False
        return True

    until(answers, f"an answer from {address}")
