"""The command of a study, made from its fields: every study, a stranger's too, has the same options."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from steerstack.cli import assignments, console, options
from steerstack.errors import ParameterError
from steerstack.study.method_ref import MethodRef
from steerstack.study.study import Study
from steerstack.util.yaml_file import load_yaml

_PANELS = {
    "Data": ("data", "behavior", "matching", "limit"),
    "Model": ("model", "revision", "dtype", "device", "remote", "template"),
}
OUTPUTS: dict[str, tuple[Any, Any]] = {
    "plan_only": (bool, options.PLAN_ONLY),
    "fresh": (bool, options.FRESH),
    "engine": (str, options.ENGINE),
    "workers": (int | None, options.WORKERS),
    "gpus_per_worker": (int | None, options.GPUS),
    "report": (str | None, options.REPORT),
    "figures": (str | None, options.FIGURES),
    "record": (bool, options.RECORD),
    "tracking_uri": (str | None, options.TRACKING),
    "json": (str | None, options.JSON),
}
"""Options of every study that decide no number."""

_SCALARS = (bool, int, float, str)


def study_command(cls: type[Study]) -> Callable[..., None]:
    """A function with one option a field, as typer reads it."""
    fields = cls.model_fields
    parameters = {name: _option(name, field) for name, field in fields.items()}
    parameters |= {_setting(name): (list[str], _settings_of(name)) for name, f in fields.items() if _is_method(f)}
    parameters |= {**OUTPUTS, "plain_http": (bool, options.PLAIN_HTTP)}

    def command(**given: Any) -> None:
        console.quiet()
        from steerstack.cli.outputs import Outputs, perform

        typed = {name: value for name, value in given.items() if value is not None and value != []}
        values = {name: _read(name, field, typed[name]) for name, field in fields.items() if name in typed}
        for name, field in fields.items():
            if _is_method(field) and given[_setting(name)]:
                values[name] = {
                    "name": _method_name(name, field, values),
                    **assignments.settings(given[_setting(name)]),
                }
        perform(cls.make(values, "the study"), Outputs(**{name: given[name] for name in OUTPUTS}))

    command.__name__ = cls.name
    command.__doc__ = inspect.getdoc(cls)
    command.__annotations__ = {name: kind for name, (kind, _) in parameters.items()}
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)
            for name, (kind, option) in parameters.items()
        ]
    )
    return command


def _option(name: str, field: FieldInfo) -> tuple[Any, Any]:
    """Type and typer option of a field."""
    if get_origin(field.annotation) is dict:
        flag, panel = f"--{name.replace('_', '-')}", _panel(name)
        text = f"{field.description} As NAME=VALUE; may be given again."
        return list[str] | None, typer.Option(None, flag, help=text, rich_help_panel=panel)
    kind = _scalar(field.annotation)
    if kind is None:
        kind, default = str, _shown(field.default)
    else:
        default = field.default
    required = field.default is PydanticUndefined
    panel = _panel(name)
    text = field.description or ""
    flag = f"--{name.replace('_', '-')}"
    names = [f"{flag}/--no-{flag[2:]}"] if kind is bool else [flag]
    option = typer.Option(... if required else default, *names, help=text, rich_help_panel=panel)
    return (kind if required or kind is bool else kind | None), option


def _panel(name: str) -> str:
    return next((panel for panel, names in _PANELS.items() if name in names), "Study")


def _scalar(annotation: Any) -> Any:
    """The plain type of a field that has one, without None; a literal is text. None for all others."""
    if annotation in _SCALARS:
        return annotation
    if get_origin(annotation) is typing.Literal:
        return str
    if get_origin(annotation) in (typing.Union, types.UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return _scalar(parts[0]) if len(parts) == 1 else None
    return None


def _shown(default: Any) -> str | None:
    """A default as it would be typed."""
    if default is None or default is PydanticUndefined:
        return None
    if isinstance(default, tuple):
        return ",".join(str(_shown(part)) for part in default) or "none"
    if isinstance(default, MethodRef):
        return default.name
    if isinstance(default, BaseModel):
        values = default.model_dump(mode="json", exclude_defaults=True)
        return ",".join(name if value is True else f"{name}={value}" for name, value in values.items())
    return f"{default:g}" if isinstance(default, float) else str(default)


def _read(name: str, field: FieldInfo, value: Any) -> Any:
    """The value of a field from what was typed."""
    if isinstance(value, list) and get_origin(field.annotation) is dict:
        return assignments.values(value)
    if not isinstance(value, str) or _scalar(field.annotation) is not None:
        return value
    if value[:1] in "[{" and value:
        return load_yaml(value, f"The value of --{name.replace('_', '-')}", ParameterError).value
    if get_origin(_without_none(field.annotation)) is tuple:
        return [] if value == "none" else [part.strip() for part in value.split(",") if part.strip()]
    if value == "none":
        return None
    model = _without_none(field.annotation)
    if "=" in value and isinstance(model, type) and issubclass(model, BaseModel) and model is not MethodRef:
        key, _, text = value.partition("=")
        part = model.model_fields.get(key)
        many = part is not None and get_origin(part.annotation) is tuple
        return {key: text.split(",") if many else text}
    return value


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (typing.Union, types.UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return _bare(annotation)


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is typing.Annotated else annotation


def _is_method(field: FieldInfo) -> bool:
    return _bare(_without_none(field.annotation)) is MethodRef


def _setting(name: str) -> str:
    return "set_" if name == "method" else f"{name}_set"


def _settings_of(name: str) -> Any:
    flag = "--set" if name == "method" else f"--{name.replace('_', '-')}-set"
    text = f"Parameter of the {name.replace('_', '-')}, NAME=VALUE; may be given again."
    return typer.Option([], flag, help=text, rich_help_panel="Study")


def _method_name(name: str, field: FieldInfo, values: Mapping[str, Any]) -> str:
    choice = values.get(name)
    if isinstance(choice, str):
        return choice
    if isinstance(field.default, MethodRef):
        return field.default.name
    raise ParameterError(f"There is no {name} whose parameters could be set.", fix=f"Add --{name} NAME.")
