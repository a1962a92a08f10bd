"""Find what plugins offer, by kind and name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from steerstack.catalog.manager import KINDS, plugins
from steerstack.errors import PluginError, nearest

if TYPE_CHECKING:
    from steerstack.contracts import (
        Auditor,
        AuditTest,
        Backend,
        Baseline,
        BehaviorSource,
        DataFormat,
        Edit,
        Engine,
        Extractor,
        Judge,
        Labeller,
        Metric,
        Organism,
        Probe,
        Reward,
        VectorFormat,
    )


@overload
def find(kind: Literal["extractor"], name: str) -> type[Extractor]: ...
@overload
def find(kind: Literal["edit"], name: str) -> type[Edit]: ...
@overload
def find(kind: Literal["metric"], name: str) -> type[Metric]: ...
@overload
def find(kind: Literal["probe"], name: str) -> type[Probe]: ...
@overload
def find(kind: Literal["organism"], name: str) -> type[Organism]: ...
@overload
def find(kind: Literal["auditor"], name: str) -> type[Auditor]: ...
@overload
def find(kind: Literal["audit-test"], name: str) -> type[AuditTest]: ...
@overload
def find(kind: Literal["baseline"], name: str) -> type[Baseline]: ...
@overload
def find(kind: Literal["labeller"], name: str) -> type[Labeller]: ...
@overload
def find(kind: Literal["reward"], name: str) -> type[Reward]: ...
@overload
def find(kind: Literal["technique"], name: str) -> type[Extractor] | type[Baseline]: ...
@overload
def find(kind: Literal["dataset"], name: str) -> type[BehaviorSource]: ...
@overload
def find(kind: Literal["judge"], name: str) -> type[Judge]: ...
@overload
def find(kind: Literal["backend"], name: str) -> type[Backend]: ...
@overload
def find(kind: Literal["engine"], name: str) -> type[Engine]: ...
@overload
def find(kind: Literal["data-format"], name: str) -> type[DataFormat]: ...
@overload
def find(kind: Literal["vector-format"], name: str) -> type[VectorFormat]: ...
@overload
def find(kind: str, name: str) -> type[Any]: ...
def find(kind: str, name: str) -> type[Any]:
    """The class that a plugin offers under a name.

    Parameters
    ----------
    kind:
        One of :data:`~steerstack.catalog.manager.KINDS`, or ``technique``: an extractor, or else a baseline.
    name:
        Its name; ``package/name`` for those of strangers.

    Raises
    ------
    PluginError
        There is no such kind or name, or the plugin that offers it failed to import.
    """
    manager = plugins()
    if kind == "technique":
        offered = {**manager.offers("baseline"), **manager.offers("extractor")}
    elif kind in KINDS:
        offered = manager.offers(kind)
    else:
        raise PluginError(f"There is no kind of plugin called {kind!r}.", fix=nearest(kind, [*KINDS, "technique"]))
    if name in offered:
        return offered[name]
    broken = [p for p in manager.failed if name.split("/")[0] == p.package or name.replace("-", "_") == p.name]
    if broken:
        raise PluginError(
            f"The plugin that offers the {kind} {name!r} failed to import.",
            seen=broken[0].cause or "",
            fix=f"Mend or upgrade {broken[0].package} {broken[0].version}; `steerstack plugins list` shows all.",
        )
    raise PluginError(f"There is no {kind} called {name!r}.", fix=nearest(name, offered))


def full_name(kind: str, method: Any) -> str:
    """The name under which an instance's class is offered: ``package/name`` for a stranger's."""
    names = {cls: name for name, cls in plugins().offers(kind).items()}
    return names.get(type(method), str(method.name))
