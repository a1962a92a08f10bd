"""The one plugin manager: loads what entry points name, and remembers what failed."""

from __future__ import annotations

import importlib.metadata
import traceback
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pluggy

from steerstack.catalog import hookspecs
from steerstack.catalog.containment import contained
from steerstack.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

GROUP = "steerstack"
OURS = "steerstack"
KINDS = {
    "extractor": "steerstack_extractors",
    "edit": "steerstack_edits",
    "metric": "steerstack_metrics",
    "probe": "steerstack_probes",
    "organism": "steerstack_organisms",
    "auditor": "steerstack_auditors",
    "audit-test": "steerstack_audit_tests",
    "baseline": "steerstack_baselines",
    "study": "steerstack_studies",
    "dataset": "steerstack_behaviors",
    "judge": "steerstack_judges",
    "labeller": "steerstack_labellers",
    "reward": "steerstack_rewards",
    "data-format": "steerstack_data_formats",
    "vector-format": "steerstack_vector_formats",
    "backend": "steerstack_backends",
    "engine": "steerstack_engines",
    "listener": "steerstack_listeners",
    "recorder": "steerstack_recorders",
}
"""Every kind of class that a plugin may offer, and the hook that returns it."""


@dataclass(frozen=True)
class Loaded:
    """One entry point: where it comes from, and why it failed if it did."""

    name: str
    package: str
    version: str
    module: ModuleType | None
    cause: str | None = None


class PluginManager:
    """Typed access to what the plugins contribute.

    Parameters
    ----------
    entry_points:
        The plugins; None for all that are installed.
    """

    def __init__(self, entry_points: Sequence[importlib.metadata.EntryPoint] | None = None) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        points = importlib.metadata.entry_points(group=GROUP) if entry_points is None else entry_points
        self.loaded = [self._load(point) for point in sorted(points, key=lambda point: point.name)]

    def _load(self, point: importlib.metadata.EntryPoint) -> Loaded:
        package, version = _distribution(point.dist)
        if self._manager.has_plugin(f"{package}/{point.name}"):
            cause = f"{package} has two entry points of the name {point.name}; the second, {point.value}, is not used"
            return Loaded(point.name, package, version, None, cause)
        try:
            with contained(f"{package}/{point.name}") if package != OURS else nullcontext():
                module = point.load()
            self._manager.register(module, name=f"{package}/{point.name}")
            self._manager.check_pending()
        except KeyboardInterrupt:  # the user's
            raise
        except BaseException as error:  # a stranger's module may raise anything at import
            if self._manager.has_plugin(f"{package}/{point.name}"):
                self._manager.unregister(name=f"{package}/{point.name}")
            return Loaded(point.name, package, version, None, _cause(error))
        return Loaded(point.name, package, version, module)

    @property
    def failed(self) -> list[Loaded]:
        """Plugins that failed to import."""
        return [plugin for plugin in self.loaded if plugin.module is None]

    def _offered(self, hook: str, named: Callable[[Any], list[tuple[str, Any]]]) -> dict[str, Any]:
        offers: dict[str, Any] = {}
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            package = impl.plugin_name.split("/")[0]
            for own_name, offer in self._ask(impl, named):
                name = own_name if package == OURS else f"{package}/{own_name}"
                if name in offers:
                    raise PluginError(f"Two plugins offer {name!r}.", seen=f"{offers[name]} and {offer}")
                offers[name] = offer
        return offers

    def _ask(self, impl: pluggy.HookImpl, named: Callable[[Any], list[tuple[str, Any]]]) -> list[tuple[str, Any]]:
        """What one plugin offers; one that fails when it is asked is remembered as failed."""
        try:
            with contained(impl.plugin_name) if not impl.plugin_name.startswith(f"{OURS}/") else nullcontext():
                return named(impl.function())
        except KeyboardInterrupt:  # the user's
            raise
        except BaseException as error:
            self.loaded = [
                replace(plugin, module=None, cause=_cause(error))
                if f"{plugin.package}/{plugin.name}" == impl.plugin_name
                else plugin
                for plugin in self.loaded
            ]
            return []

    def offers(self, kind: str) -> dict[str, type[Any]]:
        """Classes of a kind by name; those of strangers as ``package/name``. See :data:`KINDS`."""
        return self._offered(KINDS[kind], lambda classes: [(cls.name, cls) for cls in classes])

    def commands(self) -> dict[str, Callable[..., Any]]:
        """Commands of the command line by name; those of strangers must not take the name of another."""
        return self._offered("steerstack_commands", lambda offers: list(offers.items()))


@cache  # its metadata is a file that is parsed at each look, and one distribution has many entry points
def _distribution(found: importlib.metadata.Distribution | None) -> tuple[str, str]:
    """Name and version."""
    return (found.name, found.version) if found else ("unknown", "unknown")


def _cause(error: BaseException) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"


@cache
def plugins() -> PluginManager:
    """The manager of all installed plugins, loaded once."""
    return PluginManager()
