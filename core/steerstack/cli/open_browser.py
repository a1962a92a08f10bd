"""Open a page in the user's browser without its address, and the token in it, in the list of processes."""

import os
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path


@contextmanager
def browsed(wanted: bool) -> Iterator[Callable[[str], None]]:
    """A function that opens an address; it does nothing where that is not wanted, or there is no screen.

    The browser is given a file that only this user can read, which sends it on to the address; it is gone afterwards.
    """
    if not (wanted and has_screen()):
        yield lambda _: None
        return
    with tempfile.TemporaryDirectory(prefix="steerstack-") as folder:  # readable by its owner alone

        def show(address: str) -> None:
            file = Path(folder) / "open.html"
            file.write_text(redirect(address), encoding="utf-8")
            webbrowser.open(file.as_uri())

        yield show


def has_screen() -> bool:
    """Whether a browser would have a window: on Linux it may otherwise take over the terminal."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def redirect(address: str) -> str:
    """A page that goes to another."""
    return (
        '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0; url={escape(address)}"><title>steerstack play</title>'
    )
