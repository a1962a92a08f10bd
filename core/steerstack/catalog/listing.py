"""A flat list of what plugins offer, for people and for ``plugins list --json``."""

import inspect
from typing import Any, Literal, TypedDict

from steerstack.catalog.manager import KINDS, PluginManager, plugins
from steerstack.contracts import Method
from steerstack.contracts.method import ParameterRow
from steerstack.errors import PluginError, nearest


class PluginRow(TypedDict):
    """Something that a plugin offers, or with a cause a plugin that failed."""

    kind: str
    name: str
    package: str
    version: str
    status: Literal["ok", "failed"]
    cause: str | None


class PluginCard(TypedDict):
    """All that is known of something that a plugin offers."""

    kind: str
    name: str
    package: str
    version: str
    paper: str
    needs: list[str]
    parameters: list[ParameterRow]
    description: str
    source: str


def plugin_rows() -> list[PluginRow]:
    """One row for each thing that a plugin offers, then one for each plugin that failed."""
    manager = plugins()
    rows: list[PluginRow] = [
        {"kind": _shown(kind), "name": name, "package": package, "version": version, "status": "ok", "cause": None}
        for kind in KINDS
        for name, cls in sorted(manager.offers(kind).items())
        for package, version in [_home(manager, cls)]
    ]
    failed: list[PluginRow] = [
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


def _shown(kind: str) -> str:
    """The kind as people read it: formats of data and of vectors are both formats."""
    return "format" if kind.endswith("-format") else kind


def plugin_card(name: str) -> list[PluginCard]:
    """All that is known of what goes by a name, one entry a kind: what it is, paper, parameters, needs.

    Raises
    ------
    PluginError
        Nothing goes by that name.
    """
    manager = plugins()
    everything = {(kind, own): cls for kind in KINDS for own, cls in manager.offers(kind).items()}
    offers = [(kind, cls) for (kind, own), cls in everything.items() if own == name]
    if not offers:
        raise PluginError(f"No plugin offers {name!r}.", fix=nearest(name, {own for _, own in everything}))
    cards: list[PluginCard] = []
    for kind, cls in offers:
        package, version = _home(manager, cls)
        method = issubclass(cls, Method)
        cards.append(
            {
                "kind": _shown(kind),
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
