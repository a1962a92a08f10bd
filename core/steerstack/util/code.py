"""Digest of the source text that computes something: a module and what it imports of ours and of its own package."""

import ast
import functools
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

from steerstack.util import digest

OURS = "steerstack"


def code_digest(modules: Iterable[str]) -> str:
    """SHA-256 over the sources of modules and of all that they import of steerstack and of their own packages.

    Imports for type checkers only are left out. A module without a source file (a notebook, say) counts by its name.
    """
    return _of(tuple(sorted(set(modules))))


def has_source(module: str) -> bool:
    """Whether a module's source is in a file: that of a notebook or of a program cannot be compared with an earlier."""
    return _file(module) is not None


@functools.cache
def _of(modules: tuple[str, ...]) -> str:
    roots = {OURS, *(name.partition(".")[0] for name in modules)}
    digests: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in digests:
            continue
        path = _file(name)
        text, imported = _read(name, path) if path else ("", ())
        digests[name] = digest.of_bytes(text.encode())
        waiting += [part for part in imported if part.partition(".")[0] in roots and _file(part)]
    return digest.of_json(digests)


@functools.cache
def _file(name: str) -> Path | None:
    """The source file of a module, without importing it."""
    root, _, rest = name.partition(".")
    spec = importlib.util.find_spec(root) if root != "__main__" else None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    base = Path(spec.origin)
    if not rest:
        return base
    place = base.parent.joinpath(*rest.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


@functools.cache
def _read(name: str, path: Path) -> tuple[str, tuple[str, ...]]:
    text = path.read_text(encoding="utf-8")
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return text, tuple(_imports(ast.parse(text).body, package))


def _imports(nodes: Iterable[ast.AST], package: str) -> Iterator[str]:
    """Modules, and names that may be modules, which a module of a package imports when it runs."""
    for node in nodes:
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            negated = isinstance(node.test, ast.UnaryOp)
            yield from _imports(node.body if negated else node.orelse, package)
        elif isinstance(node, ast.ImportFrom):
            module = _from(node, package)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            yield from _imports(ast.iter_child_nodes(node), package)


def _from(node: ast.ImportFrom, package: str) -> str:
    """The full name of what stands after ``from``; each dot beyond the first goes one package up."""
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])
