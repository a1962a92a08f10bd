"""Fails where the tree breaks its own rules: ``python .ci/architecture.py [ROOT]``.

No import circle; no import from a lower floor to a higher one; no folder with more than 17 modules; no two public
classes of one name. Imports for type checkers only are not looked at.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOTS = {"steerstack": "core", "steerstack_plugins": "plugins", "steerstack_registry": "registry"}
FLOORS = (
    "address", "errors", "util", "steering", "data", "contracts", "trace", "catalog", "engine", "stats", "report",
    "measure", "run", "techniques", "exchange", "study", "records", "serving", "testing", "cli",
)  # fmt: skip
"""Folders of the core from the bottom to the top; each imports only those before it."""

MOST = 17
"""Modules in a folder, its ``__init__`` not counted."""


def modules(root: Path) -> dict[str, Path]:
    """Every module of the three packages by its name."""
    found = {}
    for package, folder in ROOTS.items():
        for path in sorted((root / folder / package).rglob("*.py")):
            parts = path.relative_to(root / folder).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Modules of ours that a module imports when it runs, also inside functions."""
    found: set[str] = set()
    for node in _run(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in known else node.module for name in names}
    return found & set(known)


def _run(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _run(child)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other (strongly connected, by Tarjan's algorithm)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        path.append(name)
        for other in sorted(graph[name] - {name}):
            if other not in number:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in path:
                lowest[name] = min(lowest[name], number[other])
        if lowest[name] == number[name]:
            group = path[path.index(name) :]
            del path[path.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for name in sorted(graph):
        if name not in number:
            visit(name)
    return found


def floor(name: str) -> int | None:
    """The floor of a module of the core; None for the package itself and for the other packages."""
    parts = name.split(".")
    return FLOORS.index(parts[1]) if parts[0] == "steerstack" and len(parts) > 1 and parts[1] in FLOORS else None


def upward(graph: dict[str, set[str]]) -> list[str]:
    """Imports from a lower floor to a higher one, and from the core to plugins or registry."""
    found = []
    for name, others in sorted(graph.items()):
        for other in sorted(others):
            here, there = floor(name), floor(other)
            higher = here is not None and there is not None and there > here
            outside = name.startswith("steerstack.") and not other.startswith("steerstack.") and other != "steerstack"
            if higher or outside:
                found.append(f"{name} imports {other}")
    return found


def unplaced(known: dict[str, Path]) -> list[str]:
    """Parts of the core that are on no floor."""
    parts = {name.split(".")[1] for name in known if name.startswith("steerstack.")}
    return sorted(parts - set(FLOORS) - {"__main__"})


def crowded(known: dict[str, Path]) -> list[str]:
    """Folders with more than :data:`MOST` modules."""
    count: dict[Path, int] = defaultdict(int)
    for path in known.values():
        count[path.parent] += path.name != "__init__.py"
    return [f"{folder}: {number} modules" for folder, number in sorted(count.items()) if number > MOST]


def twins(known: dict[str, Path]) -> list[str]:
    """Public classes that share a name."""
    homes = defaultdict(list)
    for name, path in known.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(name)
    return [f"{cls}: {' and '.join(of)}" for cls, of in sorted(homes.items()) if len(of) > 1]


def faults(root: Path) -> list[str]:
    """Everything that is wrong, a line each."""
    known = modules(root)
    graph = {name: imports(path, known) for name, path in known.items()}
    return [
        *(f"import circle: {' - '.join(group)}" for group in circles(graph)),
        *(f"import upwards: {line}" for line in upward(graph)),
        *(f"on no floor: steerstack.{name}" for name in unplaced(known)),
        *(f"more than {MOST} modules in a folder: {line}" for line in crowded(known)),
        *(f"two public classes of one name: {line}" for line in twins(known)),
    ]


if __name__ == "__main__":
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    found = faults(root)
    print("\n".join(found) or f"{len(modules(root))} modules: no circle, no import upwards, no crowd, no twins")
    sys.exit(1 if found else 0)
