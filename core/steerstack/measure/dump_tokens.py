"""Dumps: the exact tokens run, so that anyone can check a result by hand."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from steerstack.data.questions import ContrastPair, Question, Read, ScoreMode
from steerstack.engine.layout.edited_nodes import edited_positions
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.util.files import write_atomically


def _lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def dump_pairs(path: Path, pairs: Sequence[ContrastPair]) -> None:
    """One line a pair: the whole unpadded sequences, and the positions averaged."""

    def side(read: Read) -> dict[str, object]:
        return {"token_ids": list(read.sequence.ids), "positions": list(read.positions)}

    rows = ({"id": p.id, "positive": side(p.positive), "negative": side(p.negative)} for p in pairs)
    write_atomically(path, _lines(rows))


def dump_questions(path: Path, questions: Sequence[Question], mode: ScoreMode, plan: Plan) -> None:
    """One line an item and order: both sequences, where the answer starts, the positions edited.

    The last token of a sequence is never run, so it never counts as edited.
    """

    def option(sequence: TokenSequence) -> dict[str, object]:
        return {"token_ids": list(sequence.ids), "answer_start": sequence.answer_start}

    rows = (
        {
            "id": question.item.id,
            "score": mode,
            "order": question.order,
            "options": {"exhibits": option(question.exhibits), "not": option(question.contrast)},
            "edited_positions": edited_positions(plan, question.pair),
        }
        for question in questions
    )
    write_atomically(path, _lines(rows))
