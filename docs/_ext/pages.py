"""Pages written from the code: API, hooks, commands, methods, and the keys of plan and study files.

Nothing that this writes is committed; it lies in ``docs/generated``.
"""

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sphinx.ext.napoleon import Config, NumpyDocstring

MODULES = {
    "steerstack": "The public names: `from steerstack import ...`.",
    "steerstack.contracts": "What a plugin implements.",
    "steerstack.testing": "What a plugin's tests inherit, with planted data and tiny models.",
    "steerstack.errors": "",
    "steerstack.data.items": "",
    "steerstack.steering.intervention": "",
    "steerstack.measure.arm": "",
    "steerstack.contracts.recorder": "",
    "steerstack.catalog.lookup": "",
    "steerstack.data.questions": "",
    "steerstack.exchange.plan_file": "",
    "steerstack.study.session": "",
    "steerstack.study.result": "",
    "steerstack.study.study_file": "",
}
"""Modules whose public names are documented, with a sentence where the module's own would not do."""

NOT_IN_DOCSTRINGS = {
    "hookimpl": "Marks a function of a plugin as one of the :mod:`hooks <steerstack.catalog.hookspecs>`.",
    "TrainWith": "What a fine-tune may have in place in training: an edit that is added or projected out, or a system "
    "prompt; the field ``kind`` says which.",
}
"""Sentences for public names that are values, which have no docstring of their own."""


def write(docs: Path) -> None:
    """Write every generated page, anew."""
    folder = docs / "generated"
    pages = {**_api(), **_commands(), "hooks.md": _hooks(), **_methods(), "files.md": _files()}
    for path in folder.rglob("*.md"):
        if str(path.relative_to(folder)) not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:  # an unchanged page is not built again
            path.write_text(text, encoding="utf-8")


def public(module: str) -> list[str]:
    """The public names of a module: those of ``__all__``, or what it defines without an underscore."""
    value = importlib.import_module(module)
    if hasattr(value, "__all__"):
        return [name for name in value.__all__ if not name.startswith("__")]
    return [
        name
        for name, member in vars(value).items()
        if not name.startswith("_")
        and (inspect.isclass(member) or inspect.isfunction(member))
        and member.__module__ == module
    ]


def _api() -> dict[str, str]:
    pages = {}
    for module, sentence in MODULES.items():
        value = importlib.import_module(module)
        about = sentence or (inspect.getdoc(value) or "").split("\n\n")[0].split("\n\n::")[0]
        lines = [f"# {module}", "", about, "", "```{eval-rst}", f".. py:module:: {module}", ""]
        for name in public(module):
            lines += _object(module, name, getattr(value, name))
        pages[f"api/{module}.md"] = "\n".join([*lines, "```", ""])
    names = "\n".join(f"api/{module}" for module in MODULES)
    pages["api.md"] = _contents("API", "The modules whose names are public, from their docstrings.", names)
    return pages


def _object(module: str, name: str, value: Any) -> list[str]:
    home = getattr(value, "__module__", "")
    home = "steerstack.contracts" if home.startswith("steerstack.contracts.") else home
    if module == "steerstack" and inspect.isclass(value) and home in MODULES:  # one place for each class
        return [f".. py:data:: {name}", "", f"   See :class:`{home}.{name}`.", ""]
    if inspect.isclass(value):
        return [f".. autoclass:: {module}.{name}", ""]
    if callable(value) and name not in NOT_IN_DOCSTRINGS:
        return [f".. autofunction:: {module}.{name}", ""]
    return [f".. py:data:: {name}", "", f"   {NOT_IN_DOCSTRINGS[name]}", ""]


def _contents(title: str, about: str, names: str) -> str:
    return f"# {title}\n\n{about}\n\n```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that can be run, by its words, with those of plugins: ``("registry lineage", command)``."""
    import typer

    from steerstack.cli import app

    yield from _within("", typer.main.get_command(app))


def _within(prefix: str, command: Any) -> Iterator[tuple[str, Any]]:
    import click

    context = click.Context(command)
    if not hasattr(command, "list_commands"):
        yield prefix.strip(), command
        return
    for name in command.list_commands(context):
        yield from _within(f"{prefix} {name}", command.get_command(context, name))


def _commands() -> dict[str, str]:
    pages, groups = {}, {}
    for words, command in commands():
        groups.setdefault(words.split()[0], []).append((words, command))
    for group, members in groups.items():
        lines = [f"# steerstack {group}", ""]
        for words, command in members:
            lines += [f"(command-{words.replace(' ', '-')})=", ""]
            lines += [] if len(members) == 1 and words == group else [f"## steerstack {words}", ""]
            lines += [_paragraphs(command.help or ""), "", *_parameters(words, command), ""]
        pages[f"commands/{group}.md"] = "\n".join(lines)
    about = "Every command with its options, from the commands themselves; those of installed plugins included."
    pages["commands.md"] = _contents("Commands", about, "\n".join(f"commands/{group}" for group in groups))
    return pages


def _parameters(words: str, command: Any) -> list[str]:
    own = [p for p in command.params if p.name != "help"]
    arguments = [p for p in own if p.param_type_name == "argument"]
    usage = " ".join([f"steerstack {words}", *("[OPTIONS]" for _ in own[:1]), *(p.name.upper() for p in arguments)])
    lines = ["```text", usage, "```", ""]
    if own:
        rows = [(_spelling(p), _default(p), getattr(p, "help", None) or "") for p in own]
        lines += _table(("option", "default", ""), rows)
    return lines


def _spelling(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    names = [*parameter.opts, *parameter.secondary_opts]
    return ", ".join(f"`{name}`" for name in names) + (" (required)" if parameter.required else "")


def _default(parameter: Any) -> str:
    value = parameter.default
    return "" if value in (None, "", (), []) or callable(value) or parameter.required else f"`{value}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(_cell(cell) for cell in cells) + " |"

    return [line(head), "|" + " --- |" * len(head), *map(line, rows), ""]


def _cell(text: str) -> str:
    line = " ".join(text.split()).replace("|", r"\|")
    return line if "`" in line else line.replace("[", r"\[")


def _paragraphs(text: str) -> str:
    return inspect.cleandoc(text).replace("\b", "")


def hooks() -> dict[str, Any]:
    """Every hook by name."""
    from steerstack.catalog import hookspecs

    return {name: value for name, value in vars(hookspecs).items() if hasattr(value, "steerstack_spec")}


def _hooks() -> str:
    from steerstack.catalog import hookspecs

    lines = [
        "# Hooks",
        "",
        "```{eval-rst}",
        ".. py:module:: steerstack.catalog.hookspecs",
        "",
        _rst(inspect.getdoc(hookspecs) or ""),
        "```",
        "",
    ]
    for name, hook in hooks().items():
        lines += [
            f"## {name}",
            "",
            "```{eval-rst}",
            f".. autofunction:: steerstack.catalog.hookspecs.{name}",
            "```",
            "",
        ]
        lines += [f"Returns `{inspect.signature(hook).return_annotation}`.", ""]
    return "\n".join(lines)


def _rst(text: str) -> str:
    """A numpy docstring as reStructuredText, its sections as fields."""
    return str(NumpyDocstring(text, Config(napoleon_use_rtype=False)))


def _methods() -> dict[str, str]:
    from steerstack.catalog.listing import plugin_card, plugin_rows

    kinds: dict[str, list[dict[str, Any]]] = {}
    for row in plugin_rows():
        if row["status"] == "ok" and row["package"] == "steerstack":
            kinds.setdefault(row["kind"], []).append(row)
    pages = {}
    for kind, rows in kinds.items():
        title = {"dataset": "Data sets", "format": "Formats"}.get(kind, f"{kind.capitalize()}s")
        lines = [f"# {title}", ""]
        for row in {row["name"]: row for row in rows}.values():
            for card in plugin_card(row["name"]):
                if card["kind"] == kind:
                    lines += _method(card)
        pages[f"methods/{kind}.md"] = "\n".join(lines)
    about = "Everything that comes with steerstack and goes by a name, as `steerstack plugins show NAME` has it."
    pages["methods.md"] = _contents("Methods", about, "\n".join(f"methods/{kind}" for kind in kinds))
    return pages


def _method(card: dict[str, Any]) -> list[str]:
    lines = [f"## {card['name']}", "", "```{eval-rst}", _rst(card["description"]), "```", ""]
    facts = [f"Source: {card['paper']}." if card["paper"] else "", f"`{card['source']}`."]
    facts += [f"Needs: {', '.join(card['needs'])}."] if card["needs"] else []
    lines += [" ".join(filter(None, facts)), ""]
    if card["parameters"]:
        rows = [
            (
                f"`{p['name']}`",
                f"`{p['type']}`",
                "required" if p["required"] else f"`{p['default']!r}`",
                p["description"],
            )
            for p in card["parameters"]
        ]
        lines += _table(("`--set`", "type", "default", ""), rows)
    return lines


def _files() -> str:
    from steerstack.exchange.plan_file import PlannedEdit
    from steerstack.study.study import Study

    lines = ["# Plan and study files", "", "## Plan files", ""]
    lines += ["A plan file holds a list `edits`; each entry has these keys.", "", *_keys(PlannedEdit), ""]
    lines += ["## Study files", "", "Every study file has these keys, and `study: KIND`.", "", *_keys(Study), ""]
    for kind, model in sorted(studies().items()):
        lines += [f"### study: {kind}", "", _summary(model), "", *_keys(model, but=Study.model_fields), ""]
    for part in parts():
        lines += [f"### {part.__name__}", "", _summary(part), "", *_keys(part), ""]
    lines += ["A method with parameters is written `{name: lora-sft, epochs: 2}` where its bare name would do.", ""]
    return "\n".join(lines)


def studies() -> dict[str, Any]:
    """Kinds of study by name."""
    from steerstack.catalog.manager import plugins

    return plugins().offers("study")


def parts() -> tuple[type[BaseModel], ...]:
    """Parts of study files that have keys of their own."""
    from steerstack.study.generalize.study import DomainShift
    from steerstack.study.stack.study import Companion

    return DomainShift, Companion


def _summary(value: Any) -> str:
    return (inspect.getdoc(value) or "").split("\n\n")[0].replace("``", "`")


def described(model: type[BaseModel]) -> dict[str, str]:
    """What each field of a model is: from the field itself, or from the Attributes of the docstrings."""
    descriptions: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        _, _, section = (inspect.cleandoc(cls.__doc__ or "")).partition("Attributes\n----------\n")
        for names, text in re.findall(r"^(\w[\w, ]*):\n((?:    .*\n?)+)", section, re.MULTILINE):
            descriptions |= dict.fromkeys(names.split(", "), " ".join(text.split()).replace("``", "`"))
    return descriptions | {name: field.description for name, field in model.model_fields.items() if field.description}


def _keys(model: type[BaseModel], but: Iterable[str] = ()) -> list[str]:
    rows, about = [], described(model)
    for name, field in model.model_fields.items():
        if name in {*but, "study"}:
            continue
        type_ = re.sub(r"typing\.|steerstack\.study\.\w+\.", "", str(field.annotation))
        type_ = field.annotation.__name__ if isinstance(field.annotation, type) else type_
        default = "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
        rows.append((f"`{name}`", f"`{type_}`", default, about.get(name, "")))
    return _table(("key", "type", "default", ""), rows)


def setup(app: Any) -> dict[str, Any]:
    """Sphinx asks for this; the pages are written by conf.py, before files are looked for."""
    return {"parallel_read_safe": True}
