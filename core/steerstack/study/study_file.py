"""Studies as files: one YAML file a study, whose key ``study`` says which kind."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from steerstack.catalog.lookup import find
from steerstack.catalog.manager import plugins
from steerstack.errors import StudyError
from steerstack.study.study import Study
from steerstack.util.text import shown
from steerstack.util.yaml_file import read_yaml

_HUB = "hf://"  # whose models a study names without an address, too


def load_study(path: Path | str, *, remote: str | None = None, follow: Collection[str] = ()) -> Study:
    """Read a study file.

    Parameters
    ----------
    path:
        The file.
    remote:
        The server that holds the weights. One that the file names is used only if it is named here too: what goes
        there are the data and the code of edits, and the file may be somebody else's.
    follow:
        Other addresses that the file may name: of a vector, say, or of a judge. No other is followed.

    Raises
    ------
    StudyError
        It is missing, no YAML of a reasonable shape, declares no study, or has a field that is unknown, given twice,
        or does not fit; or it names a server that ``remote`` does not, or another address that is not in ``follow``.
    PluginError
        No installed plugin offers its kind of study.
    """
    value = read_yaml(path, StudyError, fix="Write keys and values, such as study: sweep.").value
    if not isinstance(value, dict):
        raise StudyError(
            f"{path} declares no study.", seen=type(value).__name__, fix="Write keys and values, such as study: sweep."
        )
    named = value.get("remote")
    if named and not remote:
        raise StudyError(
            f"{path} names a server, and a server is not followed on a file's word.",
            seen=f"remote: {shown(str(named))[:200]}",
            fix="If you trust it with your data, name it: --remote ADDRESS; in Python load_study(..., remote=).",
        )
    for place, address in _addresses({name: part for name, part in value.items() if name != "remote"}, ()):
        if address not in follow and not address.startswith(_HUB):
            raise StudyError(
                f"{path} names an address, and none is followed on a file's word.",
                seen=f"{'.'.join(map(str, place))}: {shown(address)[:200]}",
                fix="If you trust it, name it: --follow ADDRESS; in Python load_study(..., follow=[...]).",
            )
    return declare({**value, "remote": remote}, str(path)) if remote else declare(value, str(path))


def declare(value: dict[str, Any], source: str = "the study") -> Study:
    """The study that plain values declare; raises as :func:`load_study` does."""
    kinds = sorted(plugins().offers("study"))
    if "study" not in value:
        raise StudyError(
            f"{source} does not say which kind of study it is.",
            seen=f"keys {', '.join(map(str, value)) or 'none'}"[:200],
            fix=f"Add a line such as study: sweep. Kinds: {', '.join(kinds)}.",
        )
    if not isinstance(value["study"], str):
        raise StudyError(f"{source} does not name its kind of study.", fix=f"Kinds: {', '.join(kinds)}.")
    cls: type[Study] = find("study", value["study"])
    return cls.make({str(name): part for name, part in value.items() if name != "study"}, source)


def _addresses(value: Any, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every text of plain values that is an address as a whole, and where it stands."""
    if isinstance(value, str) and re.fullmatch(r"\s*[A-Za-z][A-Za-z0-9+.:-]*://\S*\s*", value):
        yield place, value
    for name, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _addresses(part, (*place, name))
