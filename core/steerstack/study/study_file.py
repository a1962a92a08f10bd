"""Studies as files: one YAML file a study, whose key ``study`` says which kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from steerstack.catalog.lookup import find
from steerstack.catalog.manager import plugins
from steerstack.errors import StudyError
from steerstack.study.study import Study
from steerstack.util.yaml_file import read_yaml


def load_study(path: Path | str) -> Study:
    """Read a study file.

    Raises
    ------
    StudyError
        It is missing, no YAML of a reasonable shape, declares no study, or has a field that is unknown, given twice,
        or does not fit.
    PluginError
        No installed plugin offers its kind of study.
    """
    value = read_yaml(path, StudyError, fix="Write keys and values, such as study: sweep.").value
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
            seen=f"keys {', '.join(map(str, value)) or 'none'}"[:200],
            fix=f"Add a line such as study: sweep. Kinds: {', '.join(kinds)}.",
        )
    if not isinstance(value["study"], str):
        raise StudyError(f"{source} does not name its kind of study.", fix=f"Kinds: {', '.join(kinds)}.")
    cls: type[Study] = find("study", value["study"])
    return cls.make({str(name): part for name, part in value.items() if name != "study"}, source)
