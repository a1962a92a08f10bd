"""Lettered-choice and Yes/No files of model-written-evals and of CAA."""

import re
from pathlib import Path
from typing import final

from steerstack.contracts import DataFormat
from steerstack.data.items import LETTERS, DataSet, Item, Layout
from steerstack.data.table_files import Row, cell, first_row, rows, whole
from steerstack.errors import DataError
from steerstack_plugins.datasets.polarity import settle

_OPTION = re.compile(r"(?m)^[ \t]*\((?P<letter>[A-Z])\)[ \t]?")
_ANSWER_TAIL = re.compile(r"\s*\n+Answer:\s*$")


def _letter(answer: str) -> str | None:
    found = re.fullmatch(r"\s*\(([A-Z])\)\s*", answer)
    return found.group(1) if found else None


def parse_listed(text: str) -> tuple[str, tuple[str, ...], Layout] | None:
    """Take a question apart into stem, option texts and how they were listed; None without a list."""
    tail_at = _ANSWER_TAIL.search(text)
    tail = tail_at.group(0) if tail_at else ""
    body = text[: len(text) - len(tail)]
    # the list is the last run of markers (A), (B), ... that begins with A
    marks = list(_OPTION.finditer(body))
    begins = [i for i, mark in enumerate(marks) if mark.group("letter") == "A"]
    if not begins:
        return None
    marks = marks[begins[-1] :]
    if len(marks) < 2 or [mark.group("letter") for mark in marks] != list(LETTERS[: len(marks)]):
        return None
    stem = re.sub(r"\s*\bChoices:\s*$", "", body[: marks[0].start()]).rstrip()
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    texts = [body[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    if not all(texts):
        return None
    # everything that is neither stem nor option text is kept as it stands
    spans = [(body.index(option, mark.end()), option) for mark, option in zip(marks, texts, strict=True)]
    edges = [marks[0].start(), *(at + len(option) for at, option in spans)]
    bullets = tuple(body[edge:at] for edge, (at, _) in zip(edges, spans, strict=False))
    return stem, tuple(texts), Layout(body[len(stem) : edges[0]], bullets, text[edges[-1] :])


@final
class ChoiceFiles(DataFormat):
    """``question``, ``answer_matching_behavior``, ``answer_not_matching_behavior``.

    Perez et al., arXiv 2212.09251 (advanced-ai-risk and persona; answers such as ``" (A)"`` or
    ``" Yes"``), and Rimsky et al., arXiv 2312.06681 (answers such as ``"(A)"``). Polarity comes
    from the published file's name, or from the caller. Options beyond the two that are compared
    stay in the list that the model reads.
    """

    name = "choice-files"

    def recognises(self, path: Path) -> bool:
        """Whether the first row has a matching answer."""
        return path.suffix in (".json", ".jsonl") and "answer_matching_behavior" in first_row(path)

    def load(self, path: Path, *, behavior: str | None = None, matching: str | None = None) -> DataSet:
        """Read the file."""
        polarity = settle(path, behavior=behavior, matching=matching)
        items, notes, found = [], [], rows(path)
        for number, row in enumerate(found, 1):
            item = _item(path, number, row)
            if item is None:
                notes.append(f"row {number} left out: it lists no options that its answers could name")
            else:
                items.append(item if polarity.matching_exhibits else item.inverted())
        # a published file has the odd broken row; a file full of them is something else
        if len(notes) > 0.05 * len(found):
            raise DataError(
                f"{len(notes)} of {len(found)} rows of {path} list no options that their answers could name.",
                seen=notes[0],
                fix="Options are lines that begin with (A), (B), ...",
            )
        return DataSet(polarity.behavior, tuple(items), polarity.meaning, str(path), notes=tuple(notes))


def _item(path: Path, number: int, row: Row) -> Item | None:
    question = cell(path, number, row, "question")
    yes = cell(path, number, row, "answer_matching_behavior")
    rejected = row.get("answer_not_matching_behavior")
    no = rejected[0] if isinstance(rejected, list) and rejected else rejected
    if not isinstance(no, str):
        raise DataError(f"Row {number} of {path} has no answer_not_matching_behavior.", fix="Fill it in.")
    letters, parsed = (_letter(yes), _letter(no)), parse_listed(question)
    name = f"{path.stem}-{number}"
    if letters[0] is None or letters[1] is None:
        return _bare(path, number, name, question, (yes.strip(), whole(path, number, no).strip()))
    if parsed is None:
        return None
    stem, texts, layout = parsed
    places = (LETTERS.index(letters[0]), LETTERS.index(letters[1]))
    if max(places) >= len(texts):
        raise DataError(f"Row {number} of {path} names option {yes} of {len(texts)}.", fix="Mend the row.")
    return Item(name, stem, texts, *places, layout=layout)


def _bare(path: Path, number: int, name: str, question: str, answers: tuple[str, str]) -> Item:
    """An item whose answers are Yes and No, or stand in the row themselves."""
    if set(answers) == {"Yes", "No"}:
        places = ("Yes", "No").index(answers[0]), ("Yes", "No").index(answers[1])
        return Item(name, question, ("Yes", "No"), *places, form="yes-no")
    if {"Yes", "No"} & set(answers) or answers[0] == answers[1]:
        raise DataError(f"Row {number} of {path} has answers that do not make a pair.", seen=str(answers))
    return Item(name, question, answers, 0, 1, form="text")
