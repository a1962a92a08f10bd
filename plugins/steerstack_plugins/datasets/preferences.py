"""Preference files, as trainers of preferences read them: ``prompt``, ``chosen`` and ``rejected``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from steerstack.contracts import DataFormat
from steerstack.data.items import DataSet
from steerstack.data.table_files import Row, first_row, rows
from steerstack_plugins.datasets.common.choice_item import choice_item
from steerstack_plugins.datasets.common.notes import edge_spaces
from steerstack_plugins.datasets.common.options import Place, unpacked
from steerstack_plugins.datasets.polarity import settle

CHOSEN, REJECTED = "chosen", "rejected"


@final
class Preferences(DataFormat):
    """``prompt``, ``chosen``, ``rejected``: text, or conversations as TRL writes them.

    The chosen answer is the "matching" one: whether it exhibits the behaviour is the caller's to say. Of a
    conversation, a system message and one user's turn are read; ``chosen`` and ``rejected`` may repeat them.
    """

    name = "preferences"

    def recognises(self, path: Path) -> bool:
        """Whether the first row has a chosen and a rejected answer."""
        return {CHOSEN, REJECTED} <= set(first_row(path))

    def load(self, path: Path, *, behavior: str | None = None, matching: str | None = None) -> DataSet:
        """Read the file."""
        polarity = settle(path, behavior=behavior, matching=matching)
        items, table = [], [_plain(Place(path, number), row) for number, row in enumerate(rows(path), 1)]
        for number, row in enumerate(table, 1):
            place, name = Place(path, number), str(row.get("id") or f"{path.stem}-{number}")
            item = choice_item(place, name, row, row["prompt"], (CHOSEN, REJECTED), yes_no=False)
            if isinstance(item, str):
                raise place.error(
                    f"cannot be used: {item}",
                    seen=f"chosen {row[CHOSEN]!r:.60}, rejected {row[REJECTED]!r:.60}",
                    expected="two answers in words that differ, or labels of options that the prompt lists",
                )
            items.append(item if polarity.matching_exhibits else item.inverted())
        notes = edge_spaces(table, ("prompt", CHOSEN, REJECTED))
        return DataSet(polarity.behavior, tuple(items), polarity.meaning, str(path), notes=tuple(notes))


def _plain(place: Place, row: Row) -> dict[str, Any]:
    """The row with its question, system prompt and both answers as text."""
    prompt = unpacked(place, row.get("prompt", row.get("question")))
    system, question = _turns(place, prompt) if isinstance(prompt, list) else (None, prompt)
    answers = {}
    for name in (CHOSEN, REJECTED):
        if name not in row:
            raise place.error(f"has no {name!r}", seen=", ".join(row), expected="a chosen and a rejected answer")
        answer = unpacked(place, row[name])
        if not isinstance(answer, list):
            answers[name] = answer
            continue
        roles = [turn.get("role") if isinstance(turn, dict) else None for turn in answer]
        if not answer or roles[-1] != "assistant":
            raise place.error(f"has no answer in {name!r}", seen=str(answer), expected="a last turn of the assistant")
        answers[name] = answer[-1].get("content")
        if len(answer) > 1:
            pair = _turns(place, answer[:-1])
            if question is not None and pair[1] != question:
                raise place.error(f"asks another question in {name!r}", seen=pair[1], expected=str(question)[:80])
            system, question = pair[0] or system, pair[1]
    if not isinstance(question, str) or not question.strip():
        raise place.error("has no 'prompt' that is text", seen=str(question), expected="text, or one user's turn")
    own = {"system": system} if system else {}
    return {**row, "prompt": question, **answers, **own}


def _turns(place: Place, turns: Sequence[Any]) -> tuple[str | None, str]:
    """System prompt and question of a conversation of one turn."""
    messages = [(turn.get("role"), turn.get("content")) for turn in turns if isinstance(turn, dict)]
    roles = [role for role, _ in messages]
    if len(messages) != len(turns) or roles not in (["user"], ["system", "user"]):
        raise place.error(
            "is a conversation of several turns", seen=str(roles or list(turns)), expected="one user's turn, after a "
            "system message or none",
        )  # fmt: skip
    texts = [content for _, content in messages if isinstance(content, str)]
    if len(texts) < len(messages):
        raise place.error("has a turn that is not text", seen=str(messages), expected="content that is text")
    return (texts[0] if len(texts) == 2 else None), texts[-1]
