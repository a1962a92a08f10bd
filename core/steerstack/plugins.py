"""The one plugin manager: loads what entry points name, and remembers what failed."""

import importlib.metadata
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, cast

import pluggy

from steerstack import hookspecs
from steerstack.contracts import Baseline, BehaviorSource, DataFormat, Extractor
from steerstack.errors import PluginError
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
        package = point.dist.name if point.dist else "unknown"
        version = point.dist.version if point.dist else "unknown"
        try:
            module = point.load()
            self._manager.register(module, name=f"{package}/{point.name}")
            self._manager.check_pending()
        except Exception as error:  # a stranger's module may raise anything at import
            if self._manager.has_plugin(f"{package}/{point.name}"):
                self._manager.unregister(name=f"{package}/{point.name}")
            where = traceback.extract_tb(error.__traceback__)[-1]
            cause = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
            return Loaded(point.name, package, version, None, cause)
        return Loaded(point.name, package, version, module)

    @property
    def failed(self) -> list[Loaded]:
        """Plugins that failed to import."""
        return [plugin for plugin in self.loaded if plugin.module is None]

    def _classes(self, hook: str) -> dict[str, type[Any]]:
        """Class by name; those of strangers as ``package/name``."""
        found: dict[str, type[Any]] = {}
        caller = getattr(self._manager.hook, hook)
        for impl in caller.get_hookimpls():
            package = impl.plugin_name.split("/")[0]
            for cls in impl.function():
                name = cls.name if package == OURS else f"{package}/{cls.name}"
                if name in found:
                    raise PluginError(f"Two plugins offer {name!r}.", seen=f"{found[name]} and {cls}")
                found[name] = cls
        return found

    def extractors(self) -> dict[str, type[Extractor]]:
        """Extractors by name."""
        return cast("dict[str, type[Extractor]]", self._classes("steerstack_extractors"))

    def data_formats(self) -> dict[str, type[DataFormat]]:
        """Data formats by name."""
        return cast("dict[str, type[DataFormat]]", self._classes("steerstack_data_formats"))

    def behaviors(self) -> dict[str, type[BehaviorSource]]:
        """Sources of shipped data sets by name."""
        return cast("dict[str, type[BehaviorSource]]", self._classes("steerstack_behaviors"))

    def baselines(self) -> dict[str, type[Baseline]]:
        """Baselines by name."""
        return cast("dict[str, type[Baseline]]", self._classes("steerstack_baselines"))

    def recorders(self) -> dict[str, type[Recorder]]:
        """Recorders by name."""
        return cast("dict[str, type[Recorder]]", self._classes("steerstack_recorders"))


@cache
def plugins() -> PluginManager:
    """The manager of all installed plugins, loaded once."""
    return PluginManager()
