"""Techniques as lines of a figure: nulls and other behaviours' vectors look the same in all of them."""

from collections.abc import Sequence

from steerstack.report.plot import NEIGHBORS, NULLS, Line, line
from steerstack.stats.estimate import BoundsJson, Interval
from steerstack.techniques.null_techniques import NEIGHBOR, NULL


def technique_line(
    name: str, x: Sequence[float], estimates: Sequence[Interval | BoundsJson], *,
    x_estimates: Sequence[Interval | BoundsJson] = (),
) -> Line:  # fmt: skip
    """A technique's effects with their intervals; dashed and without a colour of its own where it is a reference."""
    color = NULLS if name.startswith(NULL) else NEIGHBORS if name.startswith(NEIGHBOR) else ""
    return line(name, x, estimates, color=color, style="dashed" if color else "solid", x_estimates=x_estimates)
