"""What runs on the server: it takes the source and the arguments of a call, and answers with its value.

This module alone travels by value, so it imports nothing of ours: the server has torch,
transformers and nnsight, and neither steerstack nor any plugin. The sources that come along
are importable only while the call runs.
"""

from __future__ import annotations

from typing import Any


def answer(envoy: Any, sources: dict[str, tuple[str, bool]], soft: tuple[str, ...], payload: bytes) -> bytes:
    """Carry out a call on the server's model.

    Parameters
    ----------
    envoy:
        The model, as nnsight hands it to a block.
    sources:
        Module name to source text, and whether it is a package.
    soft:
        Packages that the sources import and may do without; absent ones are stood in for.
    payload:
        Module and name of the function, its arguments, and about the model; pickled by reference to the sources.

    Returns
    -------
    bytes
        ("value", value, progress) or ("error", class, its three texts), in the form of ``trace.remote.wire``.
    """
    import importlib
    import inspect
    import pickle

    remove = install(sources, soft)
    try:
        home, name, args, kwargs, about = pickle.loads(payload)
        function = getattr(importlib.import_module(home), name)
        refusal = importlib.import_module("steerstack.errors").SteerstackError
        model = importlib.import_module("steerstack.trace.model").Model(envoy, envoy.tokenizer, *about)
        model.visiting = True
        counts: list[int] = []
        if "progress" in inspect.signature(function).parameters:
            kwargs["progress"] = counts.append
        reply: tuple[Any, ...]
        try:
            reply = ("value", function(model, *args, **kwargs), sum(counts))
        except refusal as error:
            reply = ("error", type(error).__name__, (error.happened, error.seen, error.fix))
        return importlib.import_module("steerstack.trace.remote.wire").packed(reply)  # type: ignore[no-any-return]
    finally:
        remove()


def install(sources: dict[str, tuple[str, bool]], soft: tuple[str, ...]) -> Any:
    """Make sources importable under their names, whatever is installed; returns what undoes it."""
    import hashlib
    import importlib.abc
    import importlib.machinery
    import linecache
    import sys
    import types

    key = hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest()[:12]

    class Sources(importlib.abc.MetaPathFinder, importlib.abc.Loader):
        """Finds and loads the modules that travelled."""

        def find_spec(self, name: Any, path: Any, target: Any = None) -> Any:
            if name not in sources:
                return None
            return importlib.machinery.ModuleSpec(name, self, is_package=sources[name][1])

        def exec_module(self, module: Any) -> None:
            module.__file__ = f"<{key}>/{module.__name__}.py"
            exec(compile(sources[module.__name__][0], module.__file__, "exec"), module.__dict__)

    class Anything:
        """Stands in for what an absent package offers: annotations and defaults are read, nothing is called."""

        def __init__(self, package: str) -> None:
            self._package = package

        def __getitem__(self, item: Any) -> type:
            return object

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            raise ModuleNotFoundError(f"No module named {self._package!r}")

    class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
        """Stands in for packages that are not there; asked last."""

        def find_spec(self, name: Any, path: Any, target: Any = None) -> Any:
            return importlib.machinery.ModuleSpec(name, self, is_package=True) if name in soft else None

        def exec_module(self, module: Any) -> None:
            module.__getattr__ = lambda name: Anything(module.__name__)

    roots = {name.partition(".")[0] for name in sources}

    def ours(name: str) -> bool:
        return name.partition(".")[0] in roots

    before = {name: module for name, module in sys.modules.items() if ours(name)}
    missing = [name for name in soft if name not in sys.modules]
    store = sys.modules.setdefault("_steerstack_sources", types.ModuleType("_steerstack_sources")).__dict__
    for name in before:
        del sys.modules[name]
    sys.modules.update(store.get(key, {}))
    for name, (text, _) in sources.items():  # nnsight and error messages read source lines by file name
        file = f"<{key}>/{name}.py"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    first, last = Sources(), Absent()
    sys.meta_path.insert(0, first)
    sys.meta_path.append(last)

    def remove() -> None:
        sys.meta_path.remove(first)
        sys.meta_path.remove(last)
        for old in [one for one in store if one != key and not one.startswith("__")][
            :-3
        ]:  # clients come with sources of many versions
            del store[old]
        store[key] = {name: module for name, module in sys.modules.items() if ours(name)}
        for name in store[key]:
            del sys.modules[name]
        for name in missing:
            if getattr(getattr(sys.modules.get(name), "__spec__", None), "loader", None) is last:
                del sys.modules[name]
        sys.modules.update(before)

    return remove
