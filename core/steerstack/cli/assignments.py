"""What is typed as NAME=VALUE or as a list of numbers."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from steerstack.errors import ParameterError, SteerstackError
from steerstack.util.guard import load_json


def numbers(text: str, kind: Callable[[str], Any], what: str) -> tuple[Any, ...]:
    """Read ``5,9,13`` as typed on a command line.

    Raises
    ------
    SteerstackError
        A part is not a number.
    """
    try:
        return tuple(kind(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SteerstackError(
            f"{text!r} is not a list of {what}.", seen=str(error), fix="Write numbers with commas, such as 5,9,13."
        ) from error


def settings(assignments: list[str]) -> dict[str, object]:
    """Read ``["rank=4", "layers=[1,2]"]``; values that look like JSON lists or objects are read as such.

    Raises
    ------
    ParameterError
        One is not of the form NAME=VALUE.
    """
    parameters: dict[str, Any] = {}
    for name, value in _assigned(assignments, fix="Write --set NAME=VALUE."):
        try:
            parameters[name.strip().replace("-", "_")] = load_json(value) if value[:1] in "[{" and value else value
        except ValueError as error:
            raise ParameterError(f"The value of {name!r} is not JSON.", seen=f"{value[:80]!r}: {error}") from error
    return parameters


def values(assignments: list[str]) -> dict[str, object]:
    """Read ``["enable_thinking=false", "effort=low"]``; numbers, true, false, null, lists and objects are such.

    Raises
    ------
    ParameterError
        One is not of the form NAME=VALUE.
    """
    from steerstack.util.yaml_file import load_yaml

    arguments: dict[str, Any] = {}
    for name, value in _assigned(assignments, fix="Write NAME=VALUE."):
        if re.fullmatch("-?[0-9]{1,18}", value):
            arguments[name.strip()] = int(value)  # in YAML 010 is 8
        elif value[:1] in "[{" or value in ("true", "false", "null"):
            arguments[name.strip()] = load_yaml(value, f"The value of {name}", ParameterError).value
        else:
            arguments[name.strip()] = value
    return arguments


def _assigned(assignments: list[str], *, fix: str) -> Iterator[tuple[str, str]]:
    """Name and value of each NAME=VALUE, as they were typed; ``fix`` says how to write one."""
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not (name and equals):
            raise ParameterError(f"{assignment!r} sets nothing.", fix=fix)
        yield name, value
