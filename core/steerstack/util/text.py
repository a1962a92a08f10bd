"""Text that came from elsewhere: what of it is no text, how it is shown, and names for files made from it."""

import re
import unicodedata

from steerstack.util import digest

_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and the ends of lines, and halves of characters."""

_BROKEN = re.compile("[\x00\ud800-\udfff]")

_MARKS = str.maketrans({sign: f"&#{ord(sign)};" for sign in "`*|\\"} | {"&": "&amp;", "<": "&lt;"})
"""What makes of text more than text in Markdown."""

_STEERS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What no name holds: control characters, halves of characters, and what turns the direction of writing."""


def broken(text: str) -> str:
    """The first character that no library takes, as source code writes it; empty where there is none.

    That is half of a character (a lone surrogate), which cannot be encoded, and the null character, which ends a path.
    """
    match = _BROKEN.search(text)
    return ascii(match[0]) if match else ""


def shown(text: str) -> str:
    """Text that is safe to print on a terminal: an escape character, say, is written as source code writes it."""
    return _NO_TEXT.sub(lambda match: ascii(match[0])[1:-1], text)


def markdown(text: str) -> str:
    """Text that stands in Markdown as it is: one line, without pictures, links, tables or HTML of its own.

    Entities, since not every reader of Markdown knows a backslash before each of these.
    """
    return " ".join(shown(text).split()).translate(_MARKS).replace("](", "]&#40;")


def code_span(text: str) -> str:
    """Text as code in Markdown, where a backtick of its own would end it."""
    return f"`{' '.join(shown(text).split()).replace('`', chr(39))}`"


def no_name(text: str) -> str:
    """Why a text can be no name, of a behaviour, say; empty where it can."""
    match = _STEERS.search(text)
    if match:
        return f"it holds {match[0]!a}"
    return "" if text.strip() else "it is empty"


def file_name(text: str, longest: int = 60) -> str:
    """A name for a file or folder: letters and digits of any script, ``_ - .``; different texts get different ones.

    What cannot be kept is left out, and a digest of the whole text takes its place; never ``.`` or ``..``, and never
    a separator.
    """
    plain = re.sub(r"[^\w.-]+|-{2,}", "-", unicodedata.normalize("NFC", text)).strip("-.")
    short = plain.encode()[:longest].decode(errors="ignore").strip("-.")
    if text and short == text:
        return text
    return "-".join([*([short] if short else []), digest.of_bytes(text.encode("utf-8", "surrogatepass"))[:8]])


def sentences(text: str) -> list[str]:
    """The sentences of a text: each ends with a full stop before a space."""
    return [one for one in re.split(r"(?<=[^\s.][.!?]) (?=\S)", text.strip()) if one]
