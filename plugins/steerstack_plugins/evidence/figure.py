"""The figure of a claim: every arm with its interval, and the nulls beside the vector."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from steerstack.report.plot import COLORS

if TYPE_CHECKING:
    from steerstack_plugins.evidence.stack_answer import StackAnswer

_VECTOR, _OTHER = COLORS[1], COLORS[0]


def draw(answer: StackAnswer) -> str:
    """The figure as SVG; the same answer gives the same text."""
    count = len(answer.rows)
    figure = Figure(figsize=(7.2, 1.2 + 0.28 * (count + len(answer.test.nulls))), layout="constrained")
    axes: Any = figure.subplots()
    names = []
    for place, row in enumerate(answer.rows):
        of, color = row.effect, _VECTOR if row.cell.vector != "none" else _OTHER
        axes.errorbar([of.value], [place], xerr=[[of.value - of.ci_low], [of.ci_high - of.value]], fmt="o", color=color)
        names.append(f"{row.label} (n = {of.n})")
    for place, (family, nulls) in enumerate(answer.test.nulls.items(), start=count):
        axes.scatter(nulls, [place] * len(nulls), s=14, color="#888888", alpha=0.6)
        axes.scatter([answer.test.effect], [place], s=90, marker="|", color=_VECTOR)  # the vector on the nulls' items
        names.append(f"{family} (N = {len(nulls)})")
    axes.axvline(0, color="#888888", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("difference from the bare model, nats per token, 95 % interval")
    with rc_context({"svg.hashsalt": "steerstack", "svg.fonttype": "none"}):
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
