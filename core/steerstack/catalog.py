"""Find what plugins offer by name, and data by path or by behaviour."""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from steerstack import hub, published
from steerstack.contracts import (
    Backend,
    Baseline,
    DataFormat,
    Edit,
    Engine,
    Extractor,
    Judge,
    Method,
    Metric,
    Organism,
    Probe,
    VectorFormat,
)
from steerstack.data import DataSet
from steerstack.errors import DataError, PluginError, nearest
from steerstack.plugins import PluginManager, plugins
from steerstack.reading import SUFFIXES, rows

T = TypeVar("T")


def _find(kind: str, name: str, offers: Callable[[PluginManager], Mapping[str, T]]) -> T:
    manager = plugins()
    offered = offers(manager)
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


def full_name(method: Method, offers: Callable[[PluginManager], Mapping[str, type[Method]]]) -> str:
    """The name under which a method is asked for: ``package/name`` for strangers'."""
    names = {cls: name for name, cls in offers(plugins()).items()}
    return names.get(type(method), method.name)


def extractor(name: str) -> type[Extractor]:
    """The extractor class of a name.

    Raises
    ------
    PluginError
        The name is unknown, or its plugin failed to import.
    """
    return _find("extractor", name, PluginManager.extractors)


def edit(name: str) -> type[Edit]:
    """The edit class of a name; raises PluginError."""
    return _find("edit", name, PluginManager.edits)


def metric(name: str) -> type[Metric]:
    """The metric class of a name; raises PluginError."""
    return _find("metric", name, PluginManager.metrics)


def probe(name: str) -> type[Probe]:
    """The probe class of a name; raises PluginError."""
    return _find("probe", name, PluginManager.probes)


def organism(name: str) -> type[Organism]:
    """The organism class of a name; raises PluginError."""
    return _find("organism", name, PluginManager.organisms)


def baseline(name: str) -> type[Baseline]:
    """The baseline class of a name; raises PluginError."""
    return _find("baseline", name, PluginManager.baselines)


def technique(name: str) -> type[Extractor] | type[Baseline]:
    """The extractor class of a name, or else the baseline class; raises PluginError where neither has it."""

    def both(manager: PluginManager) -> dict[str, type[Extractor] | type[Baseline]]:
        return {**manager.baselines(), **manager.extractors()}

    return _find("technique", name, both)


def judge(name: str) -> type[Judge]:
    """The judge class of a name; raises PluginError."""
    return _find("judge", name, PluginManager.judges)


def backend(name: str) -> type[Backend]:
    """The backend class of a name; raises PluginError."""
    return _find("backend", name, PluginManager.backends)


def engine(name: str) -> type[Engine]:
    """The engine class of a name; raises PluginError."""
    return _find("engine", name, PluginManager.engines)


def data_format(name: str) -> type[DataFormat]:
    """The data format class of a name; raises PluginError."""
    return _find("data format", name, PluginManager.data_formats)


def vector_format(name: str) -> type[VectorFormat]:
    """The vector format class of a name; raises PluginError."""
    return _find("vector format", name, PluginManager.vector_formats)


def behaviors() -> dict[str, str]:
    """Every shipped behaviour, and the name of the source that has it."""
    return {behavior: name for name, cls in plugins().behaviors().items() for behavior in cls().behaviors()}


def other_behaviors(behavior: str, count: int) -> list[DataSet]:
    """Shipped data sets of up to ``count`` other behaviours, for vectors that are unrelated to this one."""
    others = [name for name in sorted(behaviors()) if name != behavior]
    return [load_data(name) for name in others[:count]]


def _file(name: str) -> Path:
    """A file of one's own, or a published one."""
    path = Path(name)
    if path.is_file():
        return path
    if name in published.published():
        return published.fetch(name)
    if "/" not in name and not path.suffix:
        raise DataError(f"There is no file or behaviour {name!r}.", fix=nearest(name, behaviors()))
    close = difflib.get_close_matches(name, published.published(), n=1)
    hint = f" Did you mean the published set {close[0]!r}?" if close else ""
    raise DataError(f"There is no data file {path}.", fix=f"Check the path.{hint}")


def load_data(
    source: str | Path, *, behavior: str | None = None, matching: str | None = None, format: str | None = None
) -> DataSet:
    """Load a data set: a file, a shipped behaviour by its name, a published set, or one from the hub.

    Parameters
    ----------
    source:
        Path of a file; the name of a behaviour such as ``sycophancy``; the name of a published
        file such as ``caa/test/sycophancy/test_dataset_ab.json`` (see :mod:`steerstack.published`);
        or ``hf:NAME[:CONFIG][#SPLIT]``, a Hugging Face data set with the columns of a table.
    behavior:
        Name of the behaviour, where the file does not say.
    matching:
        ``exhibits`` or ``declines``: what the file's "matching" answer does, where it does not say.
    format:
        Name of the data format; None finds it out.

    Raises
    ------
    DataError
        The file is missing, or of no known format.
    PolarityError
        Nobody said what the matching answer means.
    """
    name = str(source)
    if not Path(source).exists():
        if name.startswith(hub.PREFIX):
            return hub.load(name, behavior=behavior)
        shipped = name.removeprefix("steerstack:")  # as results name it
        if shipped in behaviors():
            return plugins().behaviors()[behaviors()[shipped]]().load(shipped)
    path = _file(name)
    if format is not None:
        return data_format(format)().load(path, behavior=behavior, matching=matching)
    for cls in plugins().data_formats().values():
        reader = cls()
        if reader.recognises(path):
            return reader.load(path, behavior=behavior, matching=matching)
    if path.suffix in SUFFIXES:
        rows(path)  # a file that is cut short is called that
    raise DataError(
        f"{path} is of no known format.",
        seen=f"{path.stat().st_size} bytes, suffix {path.suffix!r}",
        fix=f"Known formats: {', '.join(sorted(plugins().data_formats()))}. "
        "The simplest is a CSV or JSONL file with columns question, exhibits, not.",
    )
