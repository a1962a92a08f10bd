"""YAML that somebody else wrote: what it says, where it says it, and nothing that takes for ever to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from steerstack.errors import SteerstackError
from steerstack.util.guard import read_plain
from steerstack.util.text import broken

if TYPE_CHECKING:
    from pathlib import Path

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 32
_MOST = 50_000
"""Values, each counted as often as it is referred to: 4,000 edits of a plan are 40,000."""
_LARGEST = 2**63


@dataclass(frozen=True)
class Document:
    """A YAML file that was read.

    Attributes
    ----------
    value:
        What it says, in plain values; None for an empty file.
    """

    value: Any
    _root: yaml.Node | None

    def line(self, loc: Sequence[int | str]) -> int:
        """The line, from 1, on which the innermost part of a place begins that the file has.

        Parameters
        ----------
        loc:
            Keys and indices from the outside in, such as ``("edits", 0, "layer")``.
        """
        node = self._root
        line = 1 if node is None else node.start_mark.line + 1
        for part in loc:
            if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line + 1
            elif isinstance(node, yaml.MappingNode):
                entries = [(key, value) for key, value in node.value if key.value == str(part)]
                if not entries:
                    break
                line, node = entries[0][0].start_mark.line + 1, entries[0][1]
            else:
                break
        return line


def read_yaml(path: Path | str, error: type[SteerstackError], *, fix: str = "") -> Document:
    """Read a YAML file; see :func:`load_yaml`.

    Raises
    ------
    SteerstackError
        Of the kind ``error``: no plain file (see :func:`~steerstack.util.guard.read_plain`), or no YAML
        of a reasonable shape. The line is named.
    """
    return load_yaml(read_plain(path, error, fix=fix), str(path), error, fix=fix)


def load_yaml(text: str, source: str, error: type[SteerstackError], *, fix: str = "") -> Document:
    """Read YAML from text.

    Parameters
    ----------
    text, source:
        The text, and what errors call it.
    error:
        What is raised.
    fix:
        What to do about text that is no YAML.

    Raises
    ------
    SteerstackError
        Of the kind ``error``: it is no YAML, a key is given twice, it is nested too deeply or holds too many values
        (references counted each time), or holds a number beyond 64 bits or a character that no text has.
    """

    def refuse(line: int, what: str) -> SteerstackError:
        return error(f"{source}, line {line}: {what}", fix=fix)

    try:
        _check_shape(text, refuse)
        root = yaml.compose(text, Loader=_LOADER)
        _check_keys(root, refuse)
        value = yaml.load(text, Loader=_LOADER)  # a safe loader, in C where there is one
    except yaml.YAMLError as wrong:
        raise error(f"{source} cannot be read as YAML.", seen=" ".join(str(wrong).split())[:500], fix=fix) from None
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as wrong:
        # PyYAML raises them as they come: for the 13th month, a number of 5,000 digits, a key that is a list
        raise error(
            f"{source} holds a value that cannot be read.", seen=f"{type(wrong).__name__}: {wrong}"[:500], fix=fix
        ) from None
    document = Document(value, root)
    for place, part in _parts(value, ()):
        if why := _wrong(part):
            raise refuse(document.line(place), f"{'.'.join(map(str, place)) or 'the file'} {why}")
    return document


def _check_shape(text: str, refuse: Any) -> None:
    """Depth and size from the events of the parser, before anything is built."""
    open_: list[tuple[str | None, int]] = []  # anchor, and the number of values before it
    sizes: dict[str, int] = {}
    count = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            if any(anchor == name for anchor, _ in open_):
                raise refuse(line, f"*{name} refers to what it is a part of.")
            count += sizes.get(name, 1)
        elif isinstance(event, yaml.NodeEvent):
            count += 1
            if isinstance(event, yaml.CollectionStartEvent):
                open_.append((event.anchor, count - 1))
            elif event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor:
                sizes[anchor] = count - before
        if len(open_) > _DEEPEST:
            raise refuse(line, f"values are nested over {_DEEPEST} deep.")
        if count > _MOST:
            raise refuse(line, f"there are over {_MOST:,} values, references counted each time.")


def _check_keys(root: yaml.Node | None, refuse: Any) -> None:
    """YAML itself lets the last of two equal keys win in silence."""
    todo: list[yaml.Node | None] = [root]
    visits = set[int]()
    while todo:
        node = todo.pop()
        if id(node) in visits:
            continue
        visits.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            todo += node.value
        elif isinstance(node, yaml.MappingNode):
            keys = set[tuple[str, str]]()
            for key, child in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if (key.tag, key.value) in keys:
                        raise refuse(key.start_mark.line + 1, f"{key.value!r} is given twice.")
                    keys.add((key.tag, key.value))
                todo.append(child)


def _parts(value: Any, place: tuple[int | str, ...]) -> Iterator[tuple[tuple[int | str, ...], Any]]:
    """Every scalar of a value, keys too, and where it is; at most as many as the file may hold."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield place, key
            yield from _parts(part, (*place, str(key)))
    elif isinstance(value, list | tuple | set):
        for index, part in enumerate(value):
            yield from _parts(part, (*place, index))
    else:
        yield place, value


def _wrong(part: Any) -> str:
    if isinstance(part, int) and not -_LARGEST <= part < _LARGEST:
        return "is a number beyond 64 bits."
    if isinstance(part, str) and (character := broken(part)):
        return f"holds a character that no text has: {character}."
    return ""
