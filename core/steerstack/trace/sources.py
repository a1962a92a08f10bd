"""The source text of our own modules that a call needs, found by following their imports."""

import ast
import functools
import importlib.util
import sys
from collections.abc import Iterable, Iterator

OURS = "steerstack"
ON_SERVER = frozenset({"torch", "transformers", "nnsight", "numpy", "pydantic", *sys.stdlib_module_names})
"""Packages that every server of nnsight's protocol has."""

Sources = dict[str, tuple[str, bool]]
"""Module name to its text, and whether it is a package."""


def closure(modules: Iterable[str]) -> tuple[Sources, tuple[str, ...]]:
    """The modules and all of ours that they import; and the packages of others that a server may lack.

    The package's own ``__init__`` travels as an empty module: its public names are for people.
    """
    found: Sources = {OURS: ("", True)}
    others: set[str] = set()
    open_ = list(modules)
    while open_:
        name = open_.pop()
        if name in found:
            continue
        text, is_package, ours, theirs = _read(name)
        found[name] = (text, is_package)
        others |= theirs
        open_ += [*ours, *_parents(name)]
    return found, tuple(sorted(others))


@functools.cache
def _read(name: str) -> tuple[str, bool, frozenset[str], frozenset[str]]:
    """Text of a module, whether it is a package, the modules of ours that it imports, and the packages of others."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    text: str = spec.loader.get_source(name)  # type: ignore[attr-defined]
    ours, theirs = set[str](), set[str]()
    for module in _imports(ast.parse(text)):
        if module.split(".")[0] == OURS:
            ours |= {part for part in (module, *_parents(module)) if _exists(part)}
        elif module.split(".")[0] not in ON_SERVER:
            theirs |= {module, *_parents(module, shortest=1)}
    return text, spec.submodule_search_locations is not None, frozenset(ours), frozenset(theirs)


def _imports(node: ast.AST) -> Iterator[str]:
    """What a module imports when it runs: imports for type checkers only are left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.ImportFrom) and child.module:
            yield child.module
            if child.module.split(".")[0] == OURS:
                yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        yield from _imports(child)


def _parents(name: str, *, shortest: int = 2) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(shortest, len(parts))]


@functools.cache
def _exists(name: str) -> bool:
    try:
        return name != OURS and importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a name in a module, not in a package
        return False
