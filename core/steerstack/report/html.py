"""The HTML report of a stacking study: one file, no scripts, figures inside."""

import base64
import io
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from steerstack import __version__
from steerstack.files import write_atomically
from steerstack.report.figures import all_figures
from steerstack.report.page import interval


def write_report(value: Mapping[str, Any], path: Path) -> list[Path]:
    """Write the report, and its figures beside it as PNG files.

    Parameters
    ----------
    value:
        The result of a stacking study as JSON.
    path:
        Where the HTML goes.

    Returns
    -------
    list[Path]
        The figures' files.
    """
    pictures = {name: _png(figure) for name, figure in all_figures(value).items()}
    inline = {name: base64.b64encode(data).decode() for name, data in pictures.items()}
    template = files("steerstack.report").joinpath("stack.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["interval"] = interval
    page = environment.from_string(template).render(r=value, figures=inline, version=__version__)
    write_atomically(path, page)
    written = []
    for name, data in pictures.items():
        written.append(path.with_name(f"{path.stem}-{name}.png"))
        write_atomically(written[-1], data)
    return written


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, facecolor="white")
    return buffer.getvalue()
