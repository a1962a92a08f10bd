"""Draw a figure with matplotlib, as wide as is asked for: panels side by side, or one below the other."""

import math
import textwrap
from collections.abc import Iterator
from typing import Any

from matplotlib.figure import Figure

from steerstack.report.plot import COLORS, Line, Panel, Plot
from steerstack.util.numbers import signed

INK = "#1d2126"
"""Of everything that is not data; pages put their own colour in its place."""

WIDE, NARROW = 8.6, 3.1
"""Inches; drawn narrow, panels stand one below the other."""

_SIDE_BY_SIDE = 3
_SMALL = 8.5
_CHAR = 0.072
_LINE = 0.15
"""Width of a character of the small size, and height of a line of it, in inches."""


def draw(plot: Plot, width: float = WIDE) -> tuple[Figure, dict[str, str]]:
    """The figure, and what each of its points says, by the id of the point.

    Parameters
    ----------
    plot:
        What is drawn.
    width:
        In inches.
    """
    parts = plot.parts
    columns = min(len(parts), _SIDE_BY_SIDE) if width > (WIDE + NARROW) / 2 else 1
    rows = math.ceil(len(parts) / columns)
    colors = _colors(parts)
    narrow = width <= NARROW
    foot = textwrap.fill(plot.foot, int(width / _CHAR)) if plot.foot else ""
    label = textwrap.fill(plot.y if parts[0].categories else plot.x, int(width / _CHAR))
    below = "\n".join(filter(None, [label, foot]))
    around = _LINE * (_legend_rows(plot, width) + below.count("\n")) if narrow else 0.0  # what stands around panels
    figure = Figure(figsize=(width, 1.0 + around + rows * _height(parts, width)), layout="constrained")
    grid: Any = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    titles: dict[str, str] = {}
    for axes, panel in zip(grid.flat, parts, strict=False):
        _panel(axes, plot, panel, colors, titles)
    for axes in list(grid.flat)[len(parts) :]:
        axes.set_visible(False)
    forest = bool(parts[0].categories)
    if not forest:
        for axes in grid[:, 0]:
            axes.set_ylabel(textwrap.fill(plot.y, 26 if narrow else 34), fontsize=_SMALL, color=INK)
    figure.supxlabel(below, fontsize=_SMALL, color=INK)
    _legend(figure, grid, plot, width)
    return figure, titles


def _height(parts: Any, width: float) -> float:
    if not parts[0].categories:
        return 3.4 if width > NARROW else 2.7
    rows = max(len(panel.categories) for panel in parts)
    solid = max(sum(line.style != "faint" for line in panel.lines) for panel in parts)
    return 0.35 + rows * max(0.36, 0.17 * solid + 0.1)


def _colors(parts: Any) -> dict[str, str]:
    """A colour for every name: its own, or the next one that none has."""
    own = {line.name: line.color for panel in parts for line in panel.lines if line.color}
    free = [color for color in COLORS if color not in own.values()] or list(COLORS)
    others = dict.fromkeys(line.name for panel in parts for line in panel.lines if line.name not in own)
    return own | {name: free[place % len(free)] for place, name in enumerate(others)}


def _panel(axes: Any, plot: Plot, panel: Panel, colors: dict[str, str], told: dict[str, str]) -> None:
    forest = bool(panel.categories)
    solid = [line for line in panel.lines if line.style != "faint"]
    for line in panel.lines:
        at = solid.index(line) if line in solid else (len(solid) - 1) / 2
        shift = (at - (len(solid) - 1) / 2) * 0.7 / max(1, len(solid)) if forest else 0.0
        (_points if forest else _curve)(axes, line, colors[line.name], shift)
        for x, y, text in _said(line, panel):
            there = (y, x + shift) if forest else (x, y)
            told[f"said-{len(told)}"] = text
            axes.plot(*there, "o", markersize=9, alpha=0.0, color=INK, gid=f"said-{len(told) - 1}")
    if forest:
        axes.set_yticks(range(len(panel.categories)), panel.categories)
        axes.set_ylim(len(panel.categories) - 0.5, -0.5)
        axes.axvline(0, color=INK, linewidth=0.8, alpha=0.5)
    else:
        axes.axhline(0, color=INK, linewidth=0.8, alpha=0.5)
        if plot.log_x:
            ticks = sorted({value for line in panel.lines for value in line.x})
            axes.set_xscale("log", base=2)
            axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
    if plot.mark is not None:
        axes.plot([plot.mark.x], [plot.mark.y], "o", markersize=12, fillstyle="none", markeredgewidth=1.6, color=INK,
                  label=plot.mark.name)  # fmt: skip
    if panel.title:
        axes.set_title(panel.title, fontsize=9.5, color=INK, loc="left")
    axes.tick_params(colors=INK, labelsize=_SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(INK)
    axes.grid(axis="x" if forest else "y", color=INK, alpha=0.1, linewidth=0.6)
    axes.set_axisbelow(True)


def _points(axes: Any, line: Line, color: str, shift: float) -> None:
    """Points from left to right, a row a category."""
    rows = [place + shift for place in line.x]
    if line.style == "faint":
        axes.plot(line.y, rows, "|", markersize=9, alpha=0.55, color=color, label=line.name)
        return
    axes.errorbar(line.y, rows, xerr=_sides(line.y, line.low, line.high), fmt="o", markersize=5, capsize=2.5,
                  color=color, label=line.name)  # fmt: skip


def _curve(axes: Any, line: Line, color: str, _shift: float) -> None:
    """A line with a bar at each point: bands hide one another, and cannot go back on themselves."""
    if line.style == "faint":
        axes.plot(line.x, line.y, "_", markersize=9, alpha=0.55, color=color, label=line.name)
        return
    across = _sides(line.x, line.x_low, line.x_high) if line.x_low else None
    axes.errorbar(
        line.x, line.y, yerr=_sides(line.y, line.low, line.high), xerr=across, markersize=5, capsize=2.5,
        fmt="o--" if line.style == "dashed" else "o-", elinewidth=1, color=color, label=line.name,
    )  # fmt: skip


def _sides(y: Any, low: Any, high: Any) -> list[list[float]]:
    """Lengths of the bars below and above; none where a bound is not known."""
    pairs = [
        (max(0.0, at - a), max(0.0, b - at)) if a == a and b == b else (0.0, 0.0)
        for at, a, b in zip(y, low, high, strict=True)
    ]
    return [[below for below, _ in pairs], [above for _, above in pairs]]


def _said(line: Line, panel: Panel) -> Iterator[tuple[float, float, str]]:
    """Each point in words, for those who point at it or have it read out."""
    for x, y, low, high in zip(line.x, line.y, line.low, line.high, strict=True):
        where = panel.categories[int(x)] if panel.categories else f"{x:.4g}"
        bounds = f" [{signed(low)}, {signed(high)}]" if low == low and high == high else ""
        if y == y:
            yield x, y, f"{line.name}, {where}: {signed(y)}{bounds}"


def _legend(figure: Figure, grid: Any, plot: Plot, width: float) -> None:
    """One entry a name, above the panels, what is faint at the end; none for a single line without a mark."""
    entries: dict[str, Any] = {}
    for axes in grid.flat:
        handles, labels = axes.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    names = _names(plot)
    if len(names) > 1:
        figure.legend(
            [entries[name] for name in names], names, loc="outside upper left", ncols=_columns(names, width),
            frameon=False, fontsize=_SMALL, labelcolor=INK,
        )  # fmt: skip


def _names(plot: Plot) -> list[str]:
    """What the legend names, what is faint after the rest."""
    lines = sorted((line for panel in plot.parts for line in panel.lines), key=lambda line: line.style == "faint")
    return [*dict.fromkeys(line.name for line in lines), *([plot.mark.name] if plot.mark else [])]


def _columns(names: list[str], width: float) -> int:
    return max(1, int(width / (_CHAR * max(map(len, names)) + 0.55)))


def _legend_rows(plot: Plot, width: float) -> int:
    names = _names(plot)
    return math.ceil(len(names) / _columns(names, width)) if len(names) > 1 else 0
