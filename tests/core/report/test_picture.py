"""Figures are drawn with what is known, say what they are in themselves, and take the colours of the page."""

import math

import pytest

from steerstack.report.draw import INK, NARROW, draw
from steerstack.report.html import write_page
from steerstack.report.page import Page, Table, foot, settings_table
from steerstack.report.picture import drawings, picture
from steerstack.report.plot import NULLS, Mark, Panel, Plot, bare_line, line

KNOWN = {"value": 0.5, "ci_low": 0.1, "ci_high": 0.9}
OPEN = {"value": 0.5, "ci_low": None, "ci_high": math.inf}
CURVE = Plot("curves", "Curves", "n", "effect", [line("a", [1, 2], [KNOWN, OPEN], x_estimates=[OPEN, KNOWN])],
             mark=Mark("chosen", 1, 0.5), foot=foot(7, "items", "nats"))  # fmt: skip
ROWS = [line("$x_1 < 2$", [0, 1], [KNOWN, OPEN]), bare_line("nulls", [0, 0], [0.1, 0.2], color=NULLS, style="faint")]
FOREST = Plot("points", "Points", "", "effect", panels=[Panel("one", ROWS, ["a", "b"]), Panel("two", ROWS, ["a", "b"])])


def test_an_open_interval_is_a_gap():
    curve = line("a", [1, 2], [KNOWN, OPEN])
    assert (curve.low[0], curve.high[0]) == (0.1, 0.9)
    assert math.isnan(curve.low[1])
    assert math.isnan(curve.high[1])


@pytest.mark.parametrize("plot", [CURVE, FOREST])
def test_a_figure_goes_into_papers(plot):
    assert picture(plot).startswith(b"\x89PNG")
    assert picture(plot, "pdf").startswith(b"%PDF")


def test_a_drawing_takes_the_colours_of_the_page_and_tells_its_points():
    wide, narrow = drawings(FOREST)
    for drawn in (wide, narrow):
        assert INK not in drawn
        assert "currentColor" in drawn
        assert "<title>$x_1 &lt; 2$, a: +0.500 [+0.100, +0.900]</title>" in drawn
        assert "<title>$x_1 &lt; 2$, b: +0.500</title>" in drawn
        assert drawn.count("<title>nulls, a:") == 4
    assert "one" in wide
    ids = [{part.split('"')[0] for part in drawn.split(' id="')[1:]} for drawn in (wide, narrow)]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_a_figure_says_n_interval_and_unit_in_itself():
    wide, _ = drawings(CURVE)
    assert "n = 7 items; bars: 95 % intervals, paired; unit: nats." in wide
    assert "chosen" in wide


def test_settings_are_rows_with_numbers_one_can_read():
    settings = {"lora": {"learning_rate": 0.00015811388300841897, "loss": [6.1 - 0.01 * n for n in range(20)],
                     "tried": [{"epochs": 1}, {"epochs": 2}], "kept": True, "on": "validation"}}  # fmt: skip
    (table,) = settings_table("How", settings)
    assert [row[1:] for row in table.rows] == [
        ["learning rate", "0.0001581"],
        ["loss", "6.1 to 5.91 (20 values)"],
        ["tried", "epochs 1; epochs 2"],
        ["kept", "yes"],
        ["on", "validation"],
    ]
    assert settings_table("How", {}) == []


def test_a_page_of_many_figures_stays_small_and_loads_nothing(tmp_path):
    lines = [line(f"technique {k}", range(8), [KNOWN] * 8) for k in range(8)]
    plots = [Plot(f"p{n}", "Title", "x", "y", lines, foot="n = 3") for n in range(3)]
    table = Table("All", ["a", "b"], [["-0.123 [-0.456, +0.789]"] * 2] * 200)
    page = Page("T", "lead", "It helps. By 0.5 [0.1, 0.9]. Not more.", [], plots, [table], "m", [], {}, "study: x\n")
    write_page(page, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert len(html) < 1_000_000
    assert "<script" not in html
    assert "http" not in html.replace("http://www.w3.org/", "")
    assert "<li>By 0.5 [0.1, 0.9].</li>" in html


def test_on_a_narrow_screen_the_words_beside_a_curve_stay_beside_it():
    lines = [bare_line(f"layer {at}, to first order", [0.1, 0.2], [0.0, at / 10]) for at in range(6)]
    foot = "n = 16 validation items at most; bars: 95 % intervals, paired; unit: log-odds per token. " * 2
    crowded = Plot("d", "t", "added norm", "effect on hallucination (log-odds per token)", lines, foot=foot)
    figure, _ = draw(crowded, NARROW)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    words, panel = axes.yaxis.label.get_window_extent(), axes.get_window_extent()
    assert panel.y0 <= words.y0
    assert words.y1 <= panel.y1
