"""The source text of the modules that a call needs, ours and a plugin's, found by following their imports."""

import ast
import functools
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from steerstack import _HOMES

OURS = "steerstack"
PUBLIC = _HOMES
"""The package's public names, and the modules in which they are."""

ON_SERVER = frozenset({"torch", "transformers", "nnsight", "numpy", "pydantic", *sys.stdlib_module_names})
"""Packages that every server of nnsight's protocol has."""

Sources = dict[str, tuple[str, bool]]
"""Module name to its text, and whether it is a package."""

_INSTALLED = tuple(str(Path(sysconfig.get_path(name)).resolve()) for name in ("purelib", "platlib"))

INSTEAD = {f"{OURS}.catalog.hookspecs": "def hookimpl(function):\n    return function\n"}
"""What travels in place of a module's text: nobody asks a server which plugins it has."""


def closure(modules: Iterable[str]) -> tuple[Sources, tuple[str, ...]]:
    """The modules and what they import of ours, of their own packages and of modules that are installed nowhere.

    Second come the packages that a server may lack.
    """
    wanted = list(modules)
    roots = {OURS, *(name.partition(".")[0] for name in wanted)}
    sources: Sources = {}
    others: set[str] = set()
    open_ = [OURS, *wanted]
    while open_:
        name = open_.pop()
        if name in sources:
            continue
        text, is_package, imported = _read(name)
        sources[name] = (text, is_package)
        open_ += _parents(name)
        for module in imported:
            root = module.partition(".")[0]
            if root in roots or (root not in ON_SERVER and is_local(root)):
                open_ += [part for part in (module, *_parents(module)) if exists(part)]
            elif root not in ON_SERVER:
                others |= {module, *_parents(module)}
    return sources, tuple(sorted(others))


@functools.cache
def _read(name: str) -> tuple[str, bool, tuple[str, ...]]:
    """Text of a module, whether it is a package, and what it imports (names in modules look like modules here)."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    text: str = INSTEAD.get(name) or spec.loader.get_source(name)  # type: ignore[attr-defined]
    package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
    return text, package == name, tuple(_imports(ast.parse(text), package))


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    """What a module imports when it runs: imports for type checkers only are left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.ImportFrom):
            home = importlib.util.resolve_name("." * child.level + (child.module or ""), package)
            yield home
            for alias in child.names:
                public = PUBLIC.get(alias.name) if home == OURS else None
                yield f"{OURS}.{public}" if public else f"{home}.{alias.name}"
        elif isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        yield from _imports(child, package)


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


@functools.cache
def is_local(name: str) -> bool:
    """Whether a module is installed nowhere: a script, a notebook, a test, a module beside them."""
    if name == "__main__":
        return True
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None and name not in sys.modules and exists(name):
        file = getattr(importlib.util.find_spec(name), "origin", None)
    return file is not None and not str(Path(file).resolve()).startswith(_INSTALLED)


@functools.cache
def exists(name: str) -> bool:
    """Whether there is a module of this name, as text."""
    try:
        spec = importlib.util.find_spec(name)
        return spec is not None and bool(spec.loader.get_source(name) is not None)  # type: ignore[union-attr]
    except (ModuleNotFoundError, ValueError, AttributeError, ImportError):
        return False  # a name in a module, a program's main module, or a library in C
