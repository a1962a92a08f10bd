"""Answers in pieces, as OpenAI's protocol streams them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from steerstack.engine.decode.stream import OPEN, TextStream, before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.engine.decode.stream import Decode

BYTES = 4
"""Bytes of a character at most, and so tokens that it can be spread over."""

Say = Callable[[int, str], None]
"""Told of each piece of an answer: the place of its prompt, and the text."""


def offsets(decode: Decode, ids: Sequence[int]) -> list[int]:
    """Where each token begins in the text; tokens that make one character together begin where it does."""
    places, begin, group = [], 0, list[int]()
    for token in ids:
        group.append(token)
        places.append(begin)
        text = decode(group)
        if not text.endswith(OPEN) or len(group) >= BYTES:
            begin, group = begin + len(text), []
    return places


class PieceTeller:
    """Tells of one answer piece by piece; what may be the beginning of a text that ends it is held back.

    Parameters
    ----------
    decode:
        The text of token ids.
    stops:
        Texts that end the answer, and are no part of it.
    say:
        Told of each piece.
    """

    def __init__(self, decode: Decode, stops: Sequence[str], say: Callable[[str], None]) -> None:
        self._decode, self._stops, self._say = decode, stops, say
        self._ids: list[int] = []
        self._stream = TextStream(decode)
        self._back = max((len(text) - 1 for text in stops), default=0)

    def token(self, token: int) -> None:
        """One more token."""
        self._ids.append(token)
        text = self._decode(self._ids)
        if text.endswith(OPEN):
            return
        ready = before(text, self._stops)
        self.rest(ready if len(ready) < len(text) else text[: max(len(text) - self._back, 0)])

    def rest(self, text: str) -> None:
        """What was not told yet of a text."""
        if piece := self._stream.rest(text):
            self._say(piece)


class Chunks:
    """The events of one streamed answer.

    Parameters
    ----------
    model:
        As the request names it.
    chat:
        Whether it answers a conversation.
    usage:
        Whether a last event tells the numbers of tokens.
    """

    def __init__(self, model: str, *, chat: bool, usage: bool) -> None:
        self._chat, self._usage = chat, usage
        self._begun: set[int] = set()
        self._head = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{secrets.token_hex(12)}",
            "object": "chat.completion.chunk" if chat else "text_completion",
            "created": int(time.time()), "model": model,
        }  # fmt: skip

    def piece(self, index: int, text: str) -> dict[str, Any]:
        """Some more text of one answer."""
        return self._event([self._choice(index, text, None)])

    def last(self, reply: dict[str, Any]) -> list[dict[str, Any]]:
        """How each answer ended, and what the whole answer says of who made it."""
        ends = [self._choice(one["index"], "", one["finish_reason"]) for one in reply["choices"]]
        events = [{**self._event(ends), "steerstack": reply["steerstack"]}]
        return [*events, {**self._event([]), "usage": reply["usage"]}] if self._usage else events

    def _event(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {**self._head, "choices": choices} | ({"usage": None} if self._usage else {})

    def _choice(self, index: int, text: str, finish: str | None) -> dict[str, Any]:
        content: dict[str, Any] = {"text": text}
        if self._chat:
            begins = {} if index in self._begun else {"role": "assistant"}
            content = {"delta": {**begins, "content": text} if text else {}}
            self._begun.add(index)
        return {"index": index, **content, "logprobs": None, "finish_reason": finish}
