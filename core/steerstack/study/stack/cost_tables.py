"""What a stacking study's arms cost, as tables of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.report.page import Table, interval
from steerstack.study.stack.words import arm_words

if TYPE_CHECKING:
    from steerstack.study.stack.result import StackResult


def cost_tables(result: StackResult) -> list[Table]:
    """Each steered arm against the same model without its vector, and every change against the bare model."""
    return [_costs(result), *_distances(result)]


def _costs(result: StackResult) -> Table:
    rows = [
        [cell.vector, cell.finetune, cell.origin, interval(cost["kl_estimate"]), f"{cost['perplexity']:.1f}"]
        for cell, cost in result.costs.items()
    ]
    note = "On neutral text, against the same model without the vector."
    return Table(
        "What it costs", ["vector", "fine-tune", "vector from", "KL per token (nats)", "perplexity"], rows, note
    )


def _distances(result: StackResult) -> list[Table]:
    rows = [[arm_words(one.cell), *map(interval, one.kls.values())] for one in result.distances]
    note = (
        "KL per token (nats), on neutral paragraphs as answers in a conversation and on the bare model's own answers "
        "to test questions. Reverse: of the bare model from the arm, large where something likely was lost."
    )
    columns = ["arm", "neutral text", "in reverse", "own answers", "these in reverse"]
    return [Table("How far from the bare model", columns, rows, note)] if rows else []
