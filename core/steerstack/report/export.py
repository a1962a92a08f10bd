"""Figures and tables of a page as files for a paper: PDF and PNG, LaTeX and CSV."""

import re
from pathlib import Path

import pandas as pd

from steerstack.report.page import Page, Table
from steerstack.report.picture import picture
from steerstack.util.files import write_atomically


def write_figures(page: Page, folder: Path) -> list[Path]:
    """Write every figure as ``NAME.pdf`` and ``NAME.png``, every table as ``table-TITLE.tex`` and ``.csv``.

    Parameters
    ----------
    page:
        What they are of.
    folder:
        Where; it is made if need be. The tables need LaTeX's ``booktabs``.

    Raises
    ------
    SteerstackError
        A file cannot be written.
    """
    paths = []
    for plot in page.plots:
        for kind in ("pdf", "png"):
            paths.append(folder / f"{plot.name}.{kind}")
            write_atomically(paths[-1], picture(plot, kind))
    for table in page.tables:
        stem = "table-" + re.sub(r"[^a-z0-9]+", "-", table.title.lower()).strip("-")
        for kind, text in (("tex", _latex(table, stem)), ("csv", _frame(table).to_csv(index=False))):
            paths.append(folder / f"{stem}.{kind}")
            write_atomically(paths[-1], text)
    return paths


def _frame(table: Table) -> pd.DataFrame:
    return pd.DataFrame([list(row) for row in table.rows], columns=list(table.columns))


def _latex(table: Table, label: str) -> str:
    """A floating table with its note as the caption; what LaTeX would read as commands is escaped."""
    frame = _frame(table).map(_escaped).rename(columns=_escaped)
    caption = _escaped(f"{table.title}. {table.note}".strip())
    body: str = frame.style.hide(axis="index").to_latex(
        hrules=True,
        caption=caption,
        label=f"tab:{label}",
        position_float="centering",
        column_format="l" * frame.shape[1],
    )
    return body


_SIGNS = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "\n": " ", **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}  # fmt: skip


def _escaped(text: object) -> str:
    return "".join(_SIGNS.get(sign, sign) for sign in str(text))
