"""Lettered-choice and Yes/No files of model-written-evals and of CAA."""

from pathlib import Path
from typing import final

from steerstack.contracts import DataFormat
from steerstack.data.items import DataSet
from steerstack.data.table_files import cell, first_row, rows
from steerstack.errors import DataError
from steerstack_plugins.datasets.common.choice_item import choice_item
from steerstack_plugins.datasets.common.notes import edge_spaces, relabelled
from steerstack_plugins.datasets.common.options import COLUMNS, Place
from steerstack_plugins.datasets.polarity import settle

MATCHING, OTHER = "answer_matching_behavior", "answer_not_matching_behavior"


@final
class ChoiceFiles(DataFormat):
    """``question``, ``answer_matching_behavior``, ``answer_not_matching_behavior``; optional ``system``, ``topic``.

    Perez et al., arXiv 2212.09251 (advanced-ai-risk and persona; answers such as ``" (A)"`` or
    ``" Yes"``), and Rimsky et al., arXiv 2312.06681 (answers such as ``"(A)"``). Polarity comes
    from the published file's name, or from the caller. Options beyond the two that are compared
    stay in the list that the model reads. Options may also stand in a column of their own
    (``choices``, ``options``, ``answers``, as a list or by label), and labels may be written as
    ``(A)``, ``A``, ``a``, ``A.``, ``A)``, ``(1)``, ``1`` or ``A: text``; lists are asked with ``(A)``.
    """

    name = "choice-files"

    def recognises(self, path: Path) -> bool:
        """Whether the first row has a matching answer."""
        return MATCHING in first_row(path)

    def load(self, path: Path, *, behavior: str | None = None, matching: str | None = None) -> DataSet:
        """Read the file."""
        polarity = settle(path, behavior=behavior, matching=matching)
        items, left_out, table = [], [], rows(path)
        for number, row in enumerate(table, 1):
            question = cell(path, number, row, "question")
            item = choice_item(Place(path, number), f"{path.stem}-{number}", row, question, (MATCHING, OTHER))
            if isinstance(item, str):
                left_out.append(f"row {number} left out: {item}")
            else:
                items.append(item if polarity.matching_exhibits else item.inverted())
        # a published file has the odd broken row; a file full of them is something else
        if len(left_out) > 0.05 * len(table):
            raise DataError(
                f"{len(left_out)} of {len(table)} rows of {path} cannot be used.",
                seen=f"{left_out[0]}; {MATCHING} {str(table[0].get(MATCHING))[:40]!r}",
                fix="Expected: two answers that differ, in words, or labels of options: lines that begin with "
                f"(A), (B), ... in the question, or a column {', '.join(COLUMNS[:3])} with a list or an object.",
            )
        notes = (*left_out, *edge_spaces(table, (MATCHING, OTHER, *COLUMNS)), *relabelled(table))
        return DataSet(polarity.behavior, tuple(items), polarity.meaning, str(path), notes=notes)
