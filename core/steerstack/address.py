"""Addresses as they may be shown and kept: without user, password and query, whatever characters these hold."""

import re
from urllib.parse import unquote

HIDDEN = "***"
"""Stands where something was left out."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>|]+")


def public_address(address: str) -> str:
    """An address without user, password, query and fragment; text that is none is given back.

    A password may hold ``/``, ``@`` and ``?``, so all up to the last ``@`` is left out, and where ``@`` and ``?`` leave
    it open what belongs to what, all but the scheme.
    """
    scheme, mark, rest = address.partition("://")
    if not mark or (rest == "" and not scheme):
        return address
    before, match = re.split(r"[?#]", rest, maxsplit=1)[0], re.search(r"[?#]", rest)
    if rest.startswith("/"):  # a file: nobody's name stands before it
        return f"{scheme}://{before}{f'?{HIDDEN}' if match else ''}"
    last = rest.rfind("@")
    if last < 0:
        return f"{scheme}://{before}{f'?{HIDDEN}' if match else ''}"
    if match is not None and match.start() < last:
        return f"{scheme}://{HIDDEN}"
    host = rest[last + 1 :]
    return f"{scheme}://{HIDDEN}@{re.split(r'[?#]', host, maxsplit=1)[0]}{f'?{HIDDEN}' if match else ''}"


def public_text(text: str, address: str = "") -> str:
    """The same text with every address in it as :func:`public_address` gives it.

    Parameters
    ----------
    text:
        A message, a command line.
    address:
        One that may be in it in pieces, as libraries quote what they could not read: its secrets are struck out.
    """
    if address:
        text = text.replace(address, public_address(address))
        for secret in _secrets(address):
            text = text.replace(secret, HIDDEN)
    if "://" not in text:
        return text
    return _ADDRESS.sub(lambda match: public_address(match[0]), text)


def _secrets(address: str) -> list[str]:
    """What of an address is left out where it is shown, in the pieces in which it may be quoted; longest first."""
    rest = address.partition("://")[2]
    match = re.search(r"[?#]", rest)
    named = "" if rest.startswith("/") else rest[: max(rest.rfind("@"), 0)]
    query = rest[match.end() :] if match else ""
    values = [value for name, mark, value in (part.partition("=") for part in re.split("[&#]", query)) if mark]
    values += [part for part in re.split("[&#]", query) if "=" not in part]
    whole = [part for text in (named, query, *values) for part in (text, unquote(text))]
    pieces = whole + [piece for text in (named, *values) for piece in re.split(r"[:/@?#]", unquote(text))]
    pieces += [named.partition(":")[2], *re.split(r"[:/@?]", named)]
    return sorted({piece for piece in pieces if len(piece) > 2}, key=len, reverse=True)
