"""Tokens as pieces of text: a character whose bytes are not all there is waited for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Decode = Callable[[list[int]], str]
"""The text of token ids, without special tokens."""

OPEN = "\ufffd"
"""How a tokenizer writes a character of which bytes are missing."""


def before(text: str, stops: Sequence[str]) -> str:
    """The text up to the first of the texts that end it."""
    return text[: min((at for at in map(text.find, stops) if at >= 0), default=len(text))]


class TextStream:
    """Makes pieces of text of tokens that come one by one.

    Parameters
    ----------
    decode:
        The text of token ids.
    """

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._said = ""

    def token(self, token: int) -> str:
        """What one more token adds; nothing where it leaves a character open."""
        self._ids.append(token)
        text = self._decode(self._ids)
        return "" if text.endswith(OPEN) else self.rest(text)

    def rest(self, text: str) -> str:
        """What was not said yet of the text so far."""
        if text == self._said or not text.startswith(self._said):
            return ""
        piece, self._said = text[len(self._said) :], text
        return piece


@dataclass(frozen=True)
class Piece:
    """Some text, and the places of the tokens that it was made of: one, or several that make a character."""

    text: str
    places: tuple[int, ...]


def pieces(decode: Decode, tokens: Iterable[int]) -> list[Piece]:
    """An answer piece by piece; joined, the pieces are its text."""
    stream, parts, open_ = TextStream(decode), list[Piece](), list[int]()
    ids = list(tokens)
    for place, token in enumerate(ids):
        open_.append(place)
        text = stream.token(token)
        if text:
            parts.append(Piece(text, tuple(open_)))
            open_ = []
    rest = stream.rest(decode(ids)) if ids else ""
    return [*parts, Piece(rest, tuple(open_))] if rest else parts
