"""Numbers in sentences."""

import math


def fixed(value: float, digits: int = 2) -> str:
    """A number with so many digits after the point, and no sign where it rounds to zero."""
    return f"{round(value, digits) or 0.0:.{digits}f}"


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign, such as ``+0.120``; what rounds to zero has none, so that no ``-0.000`` is printed."""
    if not math.isfinite(value):
        return "unknown" if math.isnan(value) else f"{value:+}"
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}" if rounded else f"{0.0:.{digits}f}"
