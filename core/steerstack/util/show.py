"""How objects show themselves: one line in a console, a small page in a notebook."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

LONGEST = 200
"""Characters that one line has at most."""


def line(text: str) -> str:
    """The text on one line below :data:`LONGEST` characters, cut before its last ``>`` or ``)`` where it is longer."""
    one = " ".join(text.split())
    return one if len(one) < LONGEST else f"{one[: LONGEST - 6]}...{one[-1] if one[-1] in '>)' else ''}"


def clip(text: str, length: int) -> str:
    """The text on one line, cut to a length with an ellipsis."""
    one = " ".join(text.split())
    return one if len(one) <= length else f"{one[: length - 1]}…"


def ranges(numbers: Iterable[int]) -> str:
    """``0 to 29`` where they are consecutive, ``1, 4, 10`` else."""
    ordered = sorted(numbers)
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{ordered[0]} to {ordered[-1]}"
    return ", ".join(map(str, ordered))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """An HTML table; cells are text."""

    def cells(tag: str, of: Sequence[object]) -> str:
        return "".join(f"<{tag} style='text-align:left'>{escape(str(cell))}</{tag}>" for cell in of)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><tr>{cells('th', columns)}</tr>{body}</table>"


def facts(title: str, about: Mapping[str, object]) -> str:
    """A heading and a table of names and values, as HTML; values that are empty are left out."""
    rows = [(name, value) for name, value in about.items() if value not in (None, "", ())]
    body = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(str(value))}</td></tr>"
        for name, value in rows
    )
    return f"<b>{escape(title)}</b><table>{body}</table>"


def bars(values: Mapping[int, float], unit: str) -> str:
    """A small bar chart as SVG, in the colour of the text around it: one bar a key, its value on hovering."""
    top = max(values.values(), default=0.0) or 1.0
    step = max(4, min(24, 480 // max(len(values), 1)))
    text = "".join(
        f"<rect x='{place * step}' y='{60 - 56 * value / top:.1f}' width='{step - 2}' height='{56 * value / top:.1f}'>"
        f"<title>{key}: {value:.3g} {escape(unit)}</title></rect>"
        for place, (key, value) in enumerate(values.items())
    )
    return f"<svg width='{step * len(values)}' height='60' role='img' fill='currentColor'>{text}</svg>"
