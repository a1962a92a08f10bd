"""Write the page of a study: one HTML file with everything in it, pictures, the frame as parquet and CSV."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from steerstack import __version__
from steerstack.report.page import Page
from steerstack.report.picture import drawings, picture
from steerstack.util.files import write_atomically
from steerstack.util.text import sentences


def write_page(page: Page, path: Path) -> list[Path]:
    """Write the page, and its plots beside it as PNG files; returns the pictures."""
    template = files("steerstack.report").joinpath("study.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    plots = [(plot, [Markup(svg) for svg in drawings(plot)]) for plot in page.plots]
    answer, *rest = sentences(page.verdict) or [""]
    html = environment.from_string(template).render(p=page, plots=plots, answer=answer, rest=rest, version=__version__)
    write_atomically(path, html)
    pictures = []
    for plot in page.plots:
        pictures.append(path.with_name(f"{path.stem}-{plot.name}.png"))
        write_atomically(pictures[-1], picture(plot))
    return pictures


def write_frame(rows: Sequence[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write item-level results as ``items.parquet`` and ``items.csv``, so that anyone can redo the analysis.

    Raises
    ------
    SteerstackError
        A file cannot be written.
    """
    import pandas as pd
    import pyarrow as pa
    from pyarrow import csv, parquet

    table = pa.Table.from_pandas(pd.DataFrame(list(rows)), preserve_index=False)
    paths = [folder / "items.parquet", folder / "items.csv"]
    writers = (parquet.write_table, csv.write_csv)  # pandas takes longer over CSV than over all the rest
    for path, write in zip(paths, writers, strict=True):
        content = pa.BufferOutputStream()
        write(table, content)
        write_atomically(path, content.getvalue().to_pybytes())
    return paths
