"""Studies as files: one YAML file a study, whose key ``study`` says which kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from steerstack.catalog.lookup import find
from steerstack.catalog.manager import plugins
from steerstack.errors import StudyError, first_line
from steerstack.study.study import Study


def load_study(path: Path | str) -> Study:
    """Read a study file.

    Raises
    ------
    StudyError
        It is missing, not YAML, declares no study, or has a field that is unknown or does not fit.
    PluginError
        No installed plugin offers its kind of study.
    """
    try:
        value = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StudyError(f"{path} cannot be read as YAML.", seen=first_line(error)) from error
    if not isinstance(value, dict):
        raise StudyError(
            f"{path} declares no study.", seen=type(value).__name__, fix="Write keys and values, such as study: sweep."
        )
    return declare(value, str(path))


def declare(value: dict[str, Any], source: str = "the study") -> Study:
    """The study that plain values declare; raises as :func:`load_study` does."""
    kinds = sorted(plugins().offers("study"))
    if "study" not in value:
        raise StudyError(
            f"{source} does not say which kind of study it is.",
            seen=f"keys {', '.join(map(str, value)) or 'none'}",
            fix=f"Add a line such as study: sweep. Kinds: {', '.join(kinds)}.",
        )
    cls: type[Study] = find("study", str(value["study"]))
    return cls.make({name: part for name, part in value.items() if name != "study"}, source)
