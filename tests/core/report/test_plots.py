"""Plots are drawn with what is known: a bound that nobody can give leaves a gap."""

import math

from steerstack.report.page import Plot, line
from steerstack.report.plots import interactive, picture

KNOWN = {"value": 0.5, "ci_low": 0.1, "ci_high": 0.9}
OPEN = {"value": 0.5, "ci_low": None, "ci_high": math.inf}


def test_an_open_interval_is_a_gap():
    found = line("a", [1, 2], [KNOWN, OPEN])
    assert (found.low[0], found.high[0]) == (0.1, 0.9)
    assert math.isnan(found.low[1])
    assert math.isnan(found.high[1])


def test_curves_and_points_are_drawn_with_open_intervals():
    curve = Plot("curves", "Curves", "n", "effect", [line("a", [1, 2], [KNOWN, OPEN])])
    points = Plot("points", "Points", "", "effect", [line("a", [0, 1], [KNOWN, OPEN])], categories=["one", "two"])
    for plot in (curve, points):
        assert picture(plot).startswith(b"\x89PNG")
        assert plot.name in interactive(plot)
