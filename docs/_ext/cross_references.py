"""References to our own names: to their documented place, or as code where they have none; unknown ones warn."""

import ast
import builtins
import importlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes

ROOT = Path(__file__).parents[2]
ROOTS = ("core", "plugins", "registry")


def resolve(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Find what a reference of the Python domain means.

    A name is looked for as it stands, then within its module, then as the last part of a documented name. One that
    exists in the code without a page of its own, or that the code imports, is shown as code. None makes Sphinx warn.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"].lstrip("~.").removesuffix("()")
    inner = f"{node.get('py:module')}.{target}"
    objects = env.get_domain("py").objects
    same = [name for name in objects if name.endswith(f".{target}")]
    for name in (target, inner, *same):
        if name in objects:
            entry = objects[name]
            uri = app.builder.get_relative_uri(node["refdoc"], entry.docname)
            return nodes.reference("", "", contnode, internal=True, refuri=f"{uri}#{entry.node_id}")
    first = target.partition("[")[0]
    is_code = hasattr(builtins, first) or first.strip("'") != first or first in names() | _SHORTENED or exists(first)
    return contnode if is_code or exists(inner) else None


@cache
def names() -> frozenset[str]:
    """Every name that our code imports or defines at the top of a module."""
    identifiers: set[str] = set()
    for path in (file for root in ROOTS for file in (ROOT / root).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for part in ast.walk(tree):
            if isinstance(part, ast.ImportFrom):
                identifiers |= {alias.asname or alias.name for alias in part.names}
        for part in tree.body:
            if isinstance(part, ast.ClassDef | ast.FunctionDef):
                identifiers.add(part.name)
            if isinstance(part, ast.Assign | ast.AnnAssign):
                targets = part.targets if isinstance(part, ast.Assign) else [part.target]
                identifiers |= {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(identifiers)


def exists(target: str) -> bool:
    """Whether a dotted name can be imported, or is a field of something that can."""
    parts = target.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            value: Any = importlib.import_module(".".join(parts[:cut]))
        except (ImportError, ValueError):
            continue
        for part in parts[cut:]:
            if not hasattr(value, part) and part not in getattr(value, "__annotations__", {}):
                return False
            value = getattr(value, part, None)
        return True
    return False


_MODULE = r"~?\b(?:[a-z_]+\.)+(?=[A-Z])"
_SHORTENED: set[str] = set()


def shorten(_app: Any, _what: str, _name: str, _value: Any, _options: Any, signature: str | None, returns: Any) -> Any:
    """Signatures without the modules of their types, where Sphinx could not read them itself."""
    if not signature:
        return None
    _SHORTENED.update(re.findall(rf"{_MODULE}(\w+)", signature))
    return re.sub(_MODULE, "", signature), returns


def plain(_app: Any, what: str, _name: str, _value: Any, _options: Any, lines: list[str]) -> None:
    """Tell napoleon that the words before a colon in a property's first line are no type."""
    if what in ("attribute", "data", "property") and lines:
        lines[0] = f": {lines[0]}"


def setup(app: Any) -> dict[str, Any]:
    """Sphinx calls this."""
    app.connect("missing-reference", resolve)
    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-process-docstring", plain, priority=400)  # before napoleon, at 500
    return {"parallel_read_safe": True}
