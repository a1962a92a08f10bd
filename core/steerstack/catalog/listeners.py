"""Tell installed listeners what a study does; one that fails is reported once and harms nothing."""

import logging
from functools import cache
from typing import Any

from steerstack.catalog.manager import PluginManager, plugins
from steerstack.contracts import Event

_LOG = logging.getLogger("steerstack")


class Listeners:
    """The listeners of some plugins, each made once."""

    def __init__(self, manager: PluginManager) -> None:
        self._listeners = {name: cls() for name, cls in manager.offers("listener").items()}
        self._failed: set[str] = set()

    def tell(self, event: Event) -> None:
        """Tell every listener."""
        for name, listener in self._listeners.items():
            try:
                listener.notify(event)
            except Exception as error:  # a stranger's listener may raise anything
                if name not in self._failed:
                    self._failed.add(name)
                    _LOG.warning("the listener %s failed and is left alone: %s", name, error)


_of = cache(Listeners)


def tell(kind: str, what: str, **details: Any) -> None:
    """Tell every installed listener of an event: see :class:`steerstack.contracts.Event`."""
    _of(plugins()).tell(Event(kind, what, details))
