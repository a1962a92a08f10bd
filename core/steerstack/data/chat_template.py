"""A tokenizer's chat template, held to what it was given: what it drops or refuses is put where it is read."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from steerstack.errors import ModelError, first_line, nearest

DATE = "2024-07-26"
"""The day that a template is told which writes today's date: else results would change overnight."""

_DIRECTIVES = "aAbBcdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ"
_GIVEN = {"messages", "add_generation_prompt", "raise_exception", "strftime_now", "namespace", "dict", "range"}


@dataclass(frozen=True)
class Shape:
    """How messages are handed to a template.

    Attributes
    ----------
    parts:
        Each content as a list of parts (``[{"type": "text", "text": ...}]``) rather than as text.
    folded:
        The system prompt in front of the first user's words rather than in a turn of its own.
    """

    parts: bool = False
    folded: bool = False


@dataclass(frozen=True)
class Turns:
    """A conversation up to the user's last turn."""

    user: str
    system: str | None = None
    history: tuple[tuple[str, str], ...] = ()

    @property
    def texts(self) -> dict[str, str]:
        """Every text by what it is: all of them must stand in what a template writes."""
        texts = {} if self.system is None else {"the system prompt": self.system}
        for number, (question, answer) in enumerate(self.history, 1):
            texts[f"the user's words in earlier turn {number}"] = question
            texts[f"the assistant's words in earlier turn {number}"] = answer
        return {**texts, "the user's words": self.user}

    def messages(self, shape: Shape) -> list[dict[str, object]]:
        """As a template takes them."""
        turns = [(role, text) for turn in self.history for role, text in zip(("user", "assistant"), turn, strict=True)]
        turns.append(("user", self.user))
        if self.system is not None and shape.folded:
            turns[0] = ("user", f"{self.system}\n\n{turns[0][1]}")
        elif self.system is not None:
            turns.insert(0, ("system", self.system))
        return [
            {"role": role, "content": [{"type": "text", "text": text}] if shape.parts else text} for role, text in turns
        ]


class ChatTemplate:
    """Writes conversations with a tokenizer's template, in the first shape in which it writes all of them.

    Parameters
    ----------
    tokenizer:
        With a chat template; it is left as it is.
    arguments:
        Of the template; ``date`` (``YYYY-MM-DD``) is the day that it takes for today.

    Raises
    ------
    ModelError
        The template knows no argument of a given name.
    """

    def __init__(self, tokenizer: Any, arguments: Mapping[str, Any]) -> None:
        self._tokenizer, self.arguments = tokenizer, dict(arguments)
        self.source = str(tokenizer.get_chat_template())
        self.date: str | None = None
        if "strftime_now" in self.source:
            self.date = DATE if "date" in self.variables else str(self.arguments.pop("date", DATE))
        unknown = [name for name in self.arguments if name not in self.variables]
        if unknown:
            raise ModelError(
                f"The chat template reads no argument {unknown[0]!r}: it would change nothing.",
                fix=nearest(unknown[0], [*self.variables, *(["date"] if self.date else [])]),
            )
        self._written_by = _at(self.source, self.date) if self.date else self.source
        self._shapes: dict[tuple[bool, bool], Shape] = {}

    @cached_property
    def variables(self) -> frozenset[str]:
        """Names of the arguments that the template reads."""
        from jinja2 import Environment, TemplateError, meta

        try:
            bare = re.sub(r"\{%-?\s*(end)?generation\s*-?%\}", "", self.source)  # a tag of transformers' own
            tree = Environment(extensions=["jinja2.ext.loopcontrols"]).parse(bare)  # only read
        except TemplateError as error:
            raise ModelError("The chat template cannot be read.", seen=first_line(error)) from error
        return frozenset(meta.find_undeclared_variables(tree) - _GIVEN - set(self._tokenizer.special_tokens_map))

    def write(self, turns: Turns, *, generate: bool, more: Mapping[str, Any] | None = None) -> str:
        """The text of a conversation, with the beginning of the reply where ``generate``.

        Raises
        ------
        ModelError
            The template refuses it, or leaves out some of it whichever way it is handed over.
        """
        shape = self.shape(turns.system is not None, bool(turns.history))
        try:
            return self._render(turns, shape, generate, more)
        except Exception as error:  # a template can fail in any way
            raise _refused(error) from error

    def _render(self, turns: Turns, shape: Shape, generate: bool, more: Mapping[str, Any] | None = None) -> str:
        text = self._tokenizer.apply_chat_template(
            turns.messages(shape), chat_template=self._written_by, tokenize=False, add_generation_prompt=generate,
            **{**(more or {}), **self.arguments},
        )  # fmt: skip
        assert isinstance(text, str)
        return text

    def shape(self, system: bool, history: bool) -> Shape:
        """How conversations of a kind are handed over, found by trying with words that occur nowhere else.

        Raises
        ------
        ModelError
            The template refuses or drops a part of them in every shape.
        """
        key = (system, history)
        if key not in self._shapes:
            self._shapes[key] = self._find_shape(system, history)
        return self._shapes[key]

    def _find_shape(self, system: bool, history: bool) -> Shape:
        probe = Turns("wordsofuser", "wordsofsystem" if system else None, (("earlyuser", "earlyreply"),) * history)
        error: Exception | None = None
        missing: dict[Shape, list[str]] = {}
        for folded in (False, True) if system else (False,):
            for shape in (Shape(False, folded), Shape(True, folded)):
                try:
                    text = self._render(probe, shape, generate=True).casefold()
                except Exception as raised:  # some refuse a role, or add a list to a text
                    error = error or raised
                    continue
                # a list that is written out as a list is not read
                listed = ("'", '"') if shape.parts else ()
                missing[shape] = [
                    what
                    for what, words in probe.texts.items()
                    if words not in text or any(f"{mark}{words}{mark}" in text for mark in listed)
                ]
                if not missing[shape]:
                    return shape
        if not missing:
            raise _refused(error or ValueError("it writes nothing"))
        lost = min(missing.values(), key=len)
        raise ModelError(
            f"The chat template leaves out {lost[0]}.",
            seen="it was given as text and as a list of parts" + (", in a turn of its own and not" if system else ""),
            fix="Use the template that the model was trained with, or ask without "
            + ("demonstrations." if "earlier" in lost[0] else "a chat template."),
        )


def _refused(error: Exception) -> ModelError:
    return ModelError("The chat template refuses the conversation.", seen=first_line(error))


def _at(source: str, date: str) -> str:
    """A template in which ``strftime_now`` is a macro that writes a fixed day, at noon."""
    try:
        day = datetime.strptime(date, "%Y-%m-%d").replace(hour=12)
    except ValueError as error:
        raise ModelError(f"{date!r} is not a day.", fix="Write the template's date as 2024-07-26.") from error
    expression = "form | replace('%%', '\\x00')"
    for directive in [f"%{flag}{letter}" for flag in "-_0" for letter in "dmyHIMSjlke"] + [
        f"%{d}" for d in _DIRECTIVES
    ]:
        expression += f" | replace({json.dumps(directive)}, {json.dumps(day.strftime(directive))})"
    macro = f"{{%- macro strftime_now(form) -%}}{{{{- {expression} | replace('\\x00', '%') -}}}}{{%- endmacro -%}}"
    return f"{macro}{{{{ '' }}}}{source}"


def lost(texts: Mapping[str, str], decoded: str, again: Callable[[str], str]) -> list[str]:
    """Which texts do not stand in a decoded prompt, neither as they are nor as the tokenizer gives them back."""
    whole = essence(decoded)
    missing = [what for what, text in texts.items() if essence(text) not in whole]
    return [what for what in missing if essence(again(texts[what])) not in whole]


def essence(text: str) -> str:
    """A text without what tokenizers and templates may rightly change: white space, case, compatible characters."""
    import unicodedata

    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
