"""Figures as files: PNG and PDF for papers, SVG that takes the page's colours."""

import io
import re
from html import escape

from matplotlib import rc_context

from steerstack.report.draw import INK, NARROW, WIDE, draw
from steerstack.report.plot import Plot

_REFERENCE = re.compile(r"#([\w-]+)")
_ID = re.compile(r' id="([^"]*)"')
_FONT = re.compile(r"(font: (?:[\d.]+px|\S+ [\d.]+px)) [^;\"]*")


def picture(plot: Plot, kind: str = "png") -> bytes:
    """A figure as ``png`` (on white, 200 dots an inch) or ``pdf`` (text stays text), with no date in it."""
    with rc_context({"text.parse_math": False, "pdf.fonttype": 42}):
        figure, _ = draw(plot)
        buffer = io.BytesIO()
        undated = {"CreationDate": None} if kind == "pdf" else {"Software": None}
        figure.savefig(buffer, format=kind, dpi=200, facecolor="white", metadata=undated)
    return buffer.getvalue()


def drawings(plot: Plot) -> tuple[str, str]:
    """A figure as SVG for wide and for narrow pages."""
    return drawing(plot), drawing(plot, NARROW)


def drawing(plot: Plot, width: float = WIDE) -> str:
    """A figure as SVG, drawn for a width in inches.

    Text and axes are in the colour of the text around them, a word at every point, no ids but those that are used.
    """
    salt = f"{plot.name}-{width:g}"  # ids of two drawings on one page must differ
    with rc_context({"text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": salt}):
        figure, titles = draw(plot, width)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for key, title in titles.items():
        text = text.replace(f'<g id="{key}">', f"<g><title>{escape(title)}</title>")
    used = set(_REFERENCE.findall(text))
    text = _ID.sub(lambda match: match[0] if match[1] in used else "", text)
    text = _FONT.sub(r"\1 system-ui, sans-serif", text.replace(INK, "currentColor"))
    label = escape(f"{plot.title}. {plot.foot}", quote=True)
    return re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', rf'<svg role="img" aria-label="{label}" \1>', text, count=1)
