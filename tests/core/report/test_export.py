"""Figures and tables for a paper: every one of the page, in forms that LaTeX and spreadsheets take."""

import csv

from steerstack.report.export import write_figures
from steerstack.report.page import Page, Table
from steerstack.report.plot import Plot, line

KNOWN = {"value": 0.5, "ci_low": 0.1, "ci_high": 0.9}


def test_every_figure_and_table_is_written_in_both_forms(tmp_path):
    plots = [Plot(name, "T", "x", "y", [line("a", [1], [KNOWN])], foot="n = 3") for name in ("dose", "nulls")]
    table = Table("Every arm", ["a_b", "c"], [["50 % & more", "+0.5 [+0.1, +0.9]"], ["x^2 \\ $", "<none>"]], "n = 3.")
    paths = write_figures(Page("T", "", "", [], plots, [table], "", [], {}, ""), tmp_path / "figures")
    assert [path.name for path in paths] == [
        "dose.pdf", "dose.png", "nulls.pdf", "nulls.png", "table-every-arm.tex", "table-every-arm.csv",
    ]  # fmt: skip
    assert [path.read_bytes()[:4] for path in paths[:2]] == [b"%PDF", b"\x89PNG"]
    latex = paths[4].read_text()
    assert r"\toprule" in latex
    assert r"\caption{Every arm. n = 3.}" in latex
    assert r"a\_b & c \\" in latex
    assert r"50 \% \& more & +0.5 [+0.1, +0.9] \\" in latex
    assert r"x\textasciicircum{}2 \textbackslash{} \$ & \textless{}none\textgreater{} \\" in latex
    with paths[5].open(newline="") as file:
        assert list(csv.reader(file)) == [list(table.columns), *map(list, table.rows)]
