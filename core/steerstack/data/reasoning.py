"""Reasoning blocks: whether the beginning of a reply opens one, and how it is closed."""

import re
from dataclasses import dataclass

_OPENED = re.compile(
    r"<(?P<tag>[\w:]*(?:think|thought|reason)\w*)>"
    r"|\[(?P<square>\w*(?:THINK|REASON)\w*)\]"
    r"|<\|(?P<before>start|begin)_(?P<of>of_)?(?P<name>thinking|thought|reasoning)\|>"
    r"|<\|(?P<after>think|thinking|thought|reasoning)_(?P<word>start|begin)\|>",
    re.IGNORECASE,
)
_FINAL = "<|channel|>final<|message|>"
_RESPONSE = "<|START_RESPONSE|>"


@dataclass(frozen=True)
class ReasoningBlock:
    """A reasoning block at the beginning of a reply.

    Attributes
    ----------
    start, inner, end:
        Characters of the reply's beginning where the block, and what stands in it, begins, and where the block ends;
        ``end`` is None where the template leaves it open.
    close:
        What ends it.
    after:
        What stands between its end and the answer.
    """

    start: int
    inner: int
    end: int | None
    close: str
    after: str = ""

    def closed(self, beginning: str) -> str:
        """The beginning of the reply with the block closed: as the template has it, or left empty."""
        return beginning if self.end is not None else self.holding(beginning, "")

    def opened(self, beginning: str) -> str:
        """The beginning of the reply up to where the model is to reason."""
        if self.end is None:
            return beginning
        return beginning[: self.inner] + ("\n" if self.after.startswith("\n") else "")

    def holding(self, beginning: str, thought: str) -> str:
        """The beginning of the reply with a thought in the block, and the block closed."""
        text = self.opened(beginning) + thought
        if self.after.startswith("\n"):  # as Qwen3 writes blocks: a line of its own for each mark
            text = text.rstrip("\n") + ("\n" if thought.strip() else "\n\n")
        return text + self.close + self.after


def find_block(beginning: str, template: str) -> ReasoningBlock | None:
    r"""The last reasoning block that the beginning of a reply holds.

    Parameters
    ----------
    beginning:
        What the template writes after the user's turn, such as ``<|im_start|>assistant\n<think>\n``.
    template:
        The template's source: it tells the channels of gpt-oss, and what follows a block in Cohere's models.
    """
    block = None
    for opened in _OPENED.finditer(beginning):
        close = _closing(opened)
        at = beginning.find(close, opened.end())
        block = (opened, close, None if at < 0 else at + len(close))
    if block is None:
        if _FINAL in template and beginning.endswith("<|start|>assistant"):
            return ReasoningBlock(len(beginning), len(beginning), None, _FINAL)
        return None
    opened, close, end = block
    after = "\n\n" if opened["tag"] else _RESPONSE if _RESPONSE in template else ""
    return ReasoningBlock(opened.start(), opened.end(), end, close, after)


def _closing(opened: re.Match[str]) -> str:
    if opened["tag"]:
        return f"</{opened['tag']}>"
    if opened["square"]:
        return f"[/{opened['square']}]"
    if opened["name"]:
        ending = "END" if opened["before"].isupper() else "end"
        return f"<|{ending}_{opened['of'] or ''}{opened['name']}|>"
    ending = "END" if opened["word"].isupper() else "end"
    return f"<|{opened['after']}_{ending}|>"
