"""What a stacking study's arms cost, as tables of its page."""

from collections.abc import Mapping
from typing import Any

from steerstack.report.page import Table, interval
from steerstack.study.stack.words import arm_words


def cost_tables(value: Mapping[str, Any]) -> list[Table]:
    """Each steered arm against the same model without its vector, and every change against the bare model."""
    return [_costs(value), *_distances(value)]


def _costs(value: Mapping[str, Any]) -> Table:
    rows = [
        [c["vector"], c["finetune"], c["vector_origin"], interval(c["kl_estimate"]), f"{c['perplexity']:.1f}"]
        for c in value["costs"]
    ]
    note = "On neutral text, against the same model without the vector."
    return Table(
        "What it costs", ["vector", "fine-tune", "vector from", "KL per token (nats)", "perplexity"], rows, note
    )


def _distances(value: Mapping[str, Any]) -> list[Table]:
    kinds = ("kl", "kl_reverse", "kl_own", "kl_own_reverse")
    rows = [[arm_words(one), *(interval(one[kind]) for kind in kinds)] for one in value.get("distances", ())]
    note = (
        "KL per token (nats), on neutral paragraphs as answers in a conversation and on the bare model's own answers "
        "to test questions. Reverse: of the bare model from the arm, large where something likely was lost."
    )
    columns = ["arm", "neutral text", "in reverse", "own answers", "these in reverse"]
    return [Table("How far from the bare model", columns, rows, note)] if rows else []
