"""A flat list of what plugins offer, for people and for ``plugins list --json``."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from steerstack.contracts import Method
from steerstack.errors import PluginError, nearest
from steerstack.plugins import PluginManager, plugins

KINDS: tuple[tuple[str, Callable[[PluginManager], Mapping[str, type[Any]]]], ...] = (
    ("extractor", PluginManager.extractors),
    ("edit", PluginManager.edits),
    ("metric", PluginManager.metrics),
    ("probe", PluginManager.probes),
    ("organism", PluginManager.organisms),
    ("baseline", PluginManager.baselines),
    ("dataset", PluginManager.behaviors),
    ("judge", PluginManager.judges),
    ("format", PluginManager.data_formats),
    ("format", PluginManager.vector_formats),
    ("backend", PluginManager.backends),
    ("engine", PluginManager.engines),
    ("listener", PluginManager.listeners),
    ("recorder", PluginManager.recorders),
)


def plugin_rows() -> list[dict[str, Any]]:
    """One row for each thing that a plugin offers, then one for each plugin that failed."""
    manager = plugins()
    rows = [
        {"kind": kind, "name": name, "package": package, "version": version, "status": "ok", "cause": None}
        for kind, offered in KINDS
        for name, cls in sorted(offered(manager).items())
        for package, version in [_home(manager, cls)]
    ]
    failed = [
        {
            "kind": "plugin",
            "name": plugin.name,
            "package": plugin.package,
            "version": plugin.version,
            "status": "failed",
            "cause": plugin.cause,
        }
        for plugin in manager.failed
    ]
    return rows + failed


def plugin_card(name: str) -> list[dict[str, Any]]:
    """All that is known of what goes by a name, one entry a kind: what it is, paper, parameters, needs.

    Raises
    ------
    PluginError
        Nothing goes by that name.
    """
    manager = plugins()
    everything = {(kind, own): cls for kind, offered in KINDS for own, cls in offered(manager).items()}
    found = [(kind, cls) for (kind, own), cls in everything.items() if own == name]
    if not found:
        raise PluginError(f"No plugin offers {name!r}.", fix=nearest(name, {own for _, own in everything}))
    cards = []
    for kind, cls in found:
        package, version = _home(manager, cls)
        method = issubclass(cls, Method)
        cards.append(
            {
                "kind": kind,
                "name": name,
                "package": package,
                "version": version,
                "paper": cls.paper if method else "",
                "needs": list(cls.needs) if method else [],
                "parameters": cls.describe() if method else [],
                "description": inspect.getdoc(cls) or "",
                "source": f"{cls.__module__}.{cls.__qualname__}",
            }
        )
    return cards


def _home(manager: PluginManager, cls: type[Any]) -> tuple[str, str]:
    for plugin in manager.loaded:
        if plugin.module is not None and plugin.module.__name__ == cls.__module__:
            return plugin.package, plugin.version
    top = cls.__module__.split(".")[0]
    for plugin in manager.loaded:
        if plugin.module is not None and plugin.module.__name__.split(".")[0] == top:
            return plugin.package, plugin.version
    return "unknown", "unknown"
