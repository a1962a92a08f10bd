"""The one plugin manager: loads what entry points name, and remembers what failed."""

from __future__ import annotations

import importlib.metadata
import traceback
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pluggy

from steerstack import hookspecs
from steerstack.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from steerstack.contracts import (
        Backend,
        Baseline,
        BehaviorSource,
        DataFormat,
        Edit,
        Engine,
        Extractor,
        Judge,
        Listener,
        Metric,
        Organism,
        Probe,
        VectorFormat,
    )
    from steerstack.events import Recorder

GROUP = "steerstack"
OURS = "steerstack"


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
        found = importlib.metadata.entry_points(group=GROUP) if entry_points is None else entry_points
        self.loaded = [self._load(point) for point in sorted(found, key=lambda point: point.name)]

    def _load(self, point: importlib.metadata.EntryPoint) -> Loaded:
        package, version = _distribution(point.dist)
        try:
            module = point.load()
            self._manager.register(module, name=f"{package}/{point.name}")
            self._manager.check_pending()
        except (Exception, SystemExit) as error:  # a stranger's module may raise anything at import
            if self._manager.has_plugin(f"{package}/{point.name}"):
                self._manager.unregister(name=f"{package}/{point.name}")
            return Loaded(point.name, package, version, None, _cause(error))
        return Loaded(point.name, package, version, module)

    @property
    def failed(self) -> list[Loaded]:
        """Plugins that failed to import."""
        return [plugin for plugin in self.loaded if plugin.module is None]

    def _classes(self, hook: str) -> dict[str, type[Any]]:
        """Class by name; those of strangers as ``package/name``."""
        return self._offered(hook, lambda classes: [(cls.name, cls) for cls in classes])

    def _offered(self, hook: str, named: Callable[[Any], list[tuple[str, Any]]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            package = impl.plugin_name.split("/")[0]
            for own_name, offer in self._ask(impl, named):
                name = own_name if package == OURS else f"{package}/{own_name}"
                if name in found:
                    raise PluginError(f"Two plugins offer {name!r}.", seen=f"{found[name]} and {offer}")
                found[name] = offer
        return found

    def _ask(self, impl: pluggy.HookImpl, named: Callable[[Any], list[tuple[str, Any]]]) -> list[tuple[str, Any]]:
        """What one plugin offers; one that fails when it is asked is remembered as failed."""
        try:
            return named(impl.function())
        except (Exception, SystemExit) as error:
            self.loaded = [
                replace(plugin, module=None, cause=_cause(error))
                if f"{plugin.package}/{plugin.name}" == impl.plugin_name
                else plugin
                for plugin in self.loaded
            ]
            return []

    def extractors(self) -> dict[str, type[Extractor]]:
        """Extractors by name."""
        return self._classes("steerstack_extractors")

    def edits(self) -> dict[str, type[Edit]]:
        """Edits by name."""
        return self._classes("steerstack_edits")

    def metrics(self) -> dict[str, type[Metric]]:
        """Metrics by name."""
        return self._classes("steerstack_metrics")

    def probes(self) -> dict[str, type[Probe]]:
        """Probes by name."""
        return self._classes("steerstack_probes")

    def organisms(self) -> dict[str, type[Organism]]:
        """Organisms by name."""
        return self._classes("steerstack_organisms")

    def baselines(self) -> dict[str, type[Baseline]]:
        """Baselines by name."""
        return self._classes("steerstack_baselines")

    def behaviors(self) -> dict[str, type[BehaviorSource]]:
        """Sources of shipped data sets by name."""
        return self._classes("steerstack_behaviors")

    def judges(self) -> dict[str, type[Judge]]:
        """Judges by name."""
        return self._classes("steerstack_judges")

    def data_formats(self) -> dict[str, type[DataFormat]]:
        """Data formats by name."""
        return self._classes("steerstack_data_formats")

    def vector_formats(self) -> dict[str, type[VectorFormat]]:
        """Vector formats by name."""
        return self._classes("steerstack_vector_formats")

    def backends(self) -> dict[str, type[Backend]]:
        """Backends by name."""
        return self._classes("steerstack_backends")

    def engines(self) -> dict[str, type[Engine]]:
        """Engines by name."""
        return self._classes("steerstack_engines")

    def listeners(self) -> dict[str, type[Listener]]:
        """Listeners by name."""
        return self._classes("steerstack_listeners")

    def recorders(self) -> dict[str, type[Recorder]]:
        """Recorders by name."""
        return self._classes("steerstack_recorders")

    def commands(self) -> dict[str, Callable[..., Any]]:
        """Commands of the command line by name; those of strangers must not take the name of another."""
        return self._offered("steerstack_commands", lambda found: list(found.items()))


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
