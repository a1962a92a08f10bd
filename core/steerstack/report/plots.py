"""Draw a plot: interactively for the page (plotly), and as a picture beside it (matplotlib)."""

import io
from typing import Any

from matplotlib.figure import Figure

from steerstack.report.page import Plot

COLORS = ("#2a7f9e", "#b5523b", "#5b8a3c", "#8a5fb0", "#c98a1b", "#4a5a6a", "#b0487a", "#3a9e8c")


def _rgba(color: str, alpha: float) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def interactive(plot: Plot) -> str:
    """A plotly figure as an HTML fragment; the page holds the script once."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for index, line in enumerate(plot.lines):
        color = line.color or COLORS[index % len(COLORS)]
        x = [plot.categories[int(value)].replace("\n", "<br>") for value in line.x] if plot.categories else list(line.x)
        if plot.categories:
            up = [high - y for y, high in zip(line.y, line.high, strict=True)]
            down = [y - low for y, low in zip(line.y, line.low, strict=True)]
            error = {"type": "data", "symmetric": False, "array": up, "arrayminus": down}
            figure.add_scatter(x=x, y=list(line.y), mode="markers", name=line.name, error_y=error,
                               marker={"color": color, "size": 9})  # fmt: skip
            continue
        figure.add_scatter(
            x=[*x, *reversed(x)], y=[*line.high, *reversed(list(line.low))], fill="toself", mode="none",
            fillcolor=_rgba(color, 0.18), showlegend=False, hoverinfo="skip",
        )  # fmt: skip
        figure.add_scatter(x=x, y=list(line.y), mode="lines+markers", name=line.name, line={"color": color})
    figure.add_hline(y=0, line={"color": "#888888", "width": 1})
    figure.update_layout(
        template="plotly_white", height=430, margin={"l": 60, "r": 20, "t": 20, "b": 50},
        xaxis_title=plot.x, yaxis_title=plot.y, legend={"orientation": "h", "y": -0.25},
        scattermode="group" if plot.categories else "overlay",  # grouping would move points off their sizes
        paper_bgcolor="rgba(255,255,255,1)",
    )  # fmt: skip
    if plot.log_x:
        ticks = sorted({value for line in plot.lines for value in line.x})
        figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{value:g}" for value in ticks])
    return str(
        figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"plot-{plot.name}", config={"responsive": True})
    )


def picture(plot: Plot) -> bytes:
    """The same plot as PNG."""
    figure = Figure(figsize=(max(7.2, 0.95 * len(plot.categories)), 4.3), layout="constrained")
    axes: Any = figure.subplots()
    shift = 0.5 / max(1, len(plot.lines))
    for index, line in enumerate(plot.lines):
        color = line.color or COLORS[index % len(COLORS)]
        if plot.categories:
            xs = [value + (index - (len(plot.lines) - 1) / 2) * shift for value in line.x]
            sides = [
                [y - low for y, low in zip(line.y, line.low, strict=True)],
                [high - y for y, high in zip(line.y, line.high, strict=True)],
            ]
            axes.errorbar(xs, line.y, yerr=sides, fmt="o", capsize=3, color=color, label=line.name)
        else:
            axes.plot(line.x, line.y, "o-", color=color, label=line.name)
            axes.fill_between(line.x, line.low, line.high, color=color, alpha=0.18, linewidth=0)
    if plot.categories:
        axes.set_xticks(range(len(plot.categories)), plot.categories)
    if plot.log_x:
        ticks = sorted({value for line in plot.lines for value in line.x})
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
    axes.axhline(0, color="#888888", linewidth=0.8)
    axes.set_xlabel(plot.x)
    axes.set_ylabel(plot.y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, facecolor="white")
    return buffer.getvalue()
