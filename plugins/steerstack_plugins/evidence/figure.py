"""The figure of a claim as an SVG file."""

from __future__ import annotations

import io

from matplotlib import rc_context

from steerstack.report.draw import draw
from steerstack.report.plot import Plot


def figure(plot: Plot) -> str:
    """A figure on white, its text as text; the same figure gives the same file."""
    with rc_context({"text.parse_math": False, "svg.hashsalt": "steerstack", "svg.fonttype": "none"}):
        drawn, _ = draw(plot)
        file = io.StringIO()
        drawn.savefig(file, format="svg", facecolor="white", metadata={"Date": None})
    return file.getvalue()
