"""Files to begin from: a study with every key explained, a behaviour with items to replace."""

from __future__ import annotations

import math
import re
import textwrap
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steerstack.errors import SteerstackError, StudyError
from steerstack.util.text import no_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steerstack.study.study import Study

_END = "...\n"

_EXAMPLES: Mapping[str, Any] = {"layers": [10, 14, 18], "techniques": ["mean-difference", "lora-sft"]}
"""What is written for keys that a study must be given; the model's layers and the techniques are the user's choice."""


def write_study(name: str, folder: Path, kind: str, given: Mapping[str, Any]) -> Path:
    """Write a study file with every key of its kind, its meaning above it.

    Keys that the kind adds stand as they are run; those of every study are commented out where they are at their
    usual value, so that the file declares exactly what it says.

    Parameters
    ----------
    name, folder:
        The file is ``folder/name.yaml``.
    kind:
        Which study, by its name.
    given:
        Values of keys, ``data`` among them.

    Raises
    ------
    SteerstackError
        The name is no file name, or the file is there already.
    PluginError
        There is no such kind.
    StudyError
        A value does not fit, or a key that must be given is not.
    """
    from steerstack.catalog.lookup import find

    cls: type[Study] = find("study", kind)
    needed = {key for key, field in cls.model_fields.items() if field.is_required()} - set(given)
    if unknown := sorted(needed - set(_EXAMPLES)):
        raise StudyError(
            f"A study {kind!r} must be given its {unknown[0]!r}.",
            seen=cls.model_fields[unknown[0]].description or "",
            fix=f"Add --set {unknown[0]}=VALUE.",
        )
    study = cls.make({**{key: _EXAMPLES[key] for key in needed}, **given}, "the new study")
    target = _target(folder, name, ".yaml")
    target.write_text(_study_text(study, set(given)), encoding="utf-8")
    return target


def _study_text(study: Study, given: set[str]) -> str:
    from steerstack.study.study import Study

    cls, values = type(study), study.model_dump(mode="json")
    about = (cls.__doc__ or cls.name).strip().splitlines()[0]
    lines = [f"# {about}", "# Run it: steerstack run THIS_FILE; first --plan-only says how long it takes.", ""]
    lines += [f"study: {study.to_json()['study']}", ""]
    own = [key for key in cls.model_fields if key not in Study.model_fields]
    live = {"data", "model", *own, *given}
    for key in ("data", "model", *own, *(key for key in Study.model_fields if key not in ("data", "model"))):
        lines += textwrap.wrap(
            cls.model_fields[key].description or "", 110, initial_indent="# ", subsequent_indent="# "
        )
        lines += [_line(key, values[key], live=key in live and values[key] is not None), ""]
    return "\n".join(lines)


def _line(key: str, value: Any, *, live: bool) -> str:
    import yaml

    text = yaml.safe_dump(_short(value), default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf)
    return f"{'' if live else '# '}{key}: {text.removesuffix(_END).strip()}"


def _short(value: Any) -> Any:
    """A method without parameters as its bare name."""
    if isinstance(value, list):
        return [_short(part) for part in value]
    return value["name"] if isinstance(value, dict) and list(value) == ["name"] else value


def write_behaviour(name: str, folder: Path) -> list[Path]:
    """Write a table of items to replace, and a guide beside it.

    Raises
    ------
    SteerstackError
        The name is no file name, or one of the files is there already.
    """
    from jinja2 import Environment, StrictUndefined

    table, guide = _target(folder, name, ".csv"), _target(folder, name, ".md")
    source = files("steerstack") / "templates" / "behaviour"
    page = Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(
        (source / "guide.md.jinja").read_text(encoding="utf-8")
    )
    table.write_text((source / "table.csv").read_text(encoding="utf-8"), encoding="utf-8")
    guide.write_text(page.render(name=name), encoding="utf-8")
    return [table, guide]


def _target(folder: Path, name: str, suffix: str) -> Path:
    """The file of a name, which must not be there; its folder is."""
    if no_name(name) or not re.fullmatch(r"\w[\w.-]*", name):
        raise SteerstackError(
            f"{name!r} is no name for a file.", fix="Use letters, digits, hyphens and dots, such as my-behaviour."
        )
    target = folder / f"{name}{suffix}"
    if target.exists():
        raise SteerstackError(f"{target} is there already.", fix="Choose another name: nothing is overwritten.")
    folder.mkdir(parents=True, exist_ok=True)
    return target
