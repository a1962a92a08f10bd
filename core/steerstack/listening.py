"""Tell installed listeners what a study does; one that fails is reported once and harms nothing."""

import logging
from functools import cache
from typing import Any

from steerstack.contracts import Event, Listener
from steerstack.plugins import plugins

_LOG = logging.getLogger("steerstack")
_failed: set[str] = set()


@cache
def _listeners() -> dict[str, Listener]:
    return {name: cls() for name, cls in plugins().listeners().items()}


def tell(kind: str, what: str, **details: Any) -> None:
    """Tell every listener of an event: see :class:`steerstack.contracts.Event`."""
    for name, listener in _listeners().items():
        try:
            listener.notify(Event(kind, what, details))
        except Exception as error:  # a stranger's listener may raise anything
            if name not in _failed:
                _failed.add(name)
                _LOG.warning("the listener %s failed and is left alone: %s", name, error)
