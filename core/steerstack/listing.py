"""A flat list of what plugins offer, for people and for ``plugins list --json``."""

from collections.abc import Callable, Mapping
from typing import Any

from steerstack.plugins import PluginManager, plugins

KINDS: dict[str, Callable[[PluginManager], Mapping[str, type[Any]]]] = {
    "extractor": PluginManager.extractors,
    "dataset": PluginManager.behaviors,
    "format": PluginManager.data_formats,
    "baseline": PluginManager.baselines,
    "recorder": PluginManager.recorders,
}


def plugin_rows() -> list[dict[str, Any]]:
    """One row for each thing that a plugin offers, then one for each plugin that failed."""
    manager = plugins()
    rows = [
        {"kind": kind, "name": name, "package": package, "version": version, "status": "ok", "cause": None}
        for kind, offered in KINDS.items()
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


def _home(manager: PluginManager, cls: type[Any]) -> tuple[str, str]:
    for plugin in manager.loaded:
        if plugin.module is not None and plugin.module.__name__ == cls.__module__:
            return plugin.package, plugin.version
    top = cls.__module__.split(".")[0]
    for plugin in manager.loaded:
        if plugin.module is not None and plugin.module.__name__.split(".")[0] == top:
            return plugin.package, plugin.version
    return "unknown", "unknown"
