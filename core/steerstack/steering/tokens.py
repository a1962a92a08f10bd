"""Which tokens: a sequence with its parts marked, and selections of positions in it."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from steerstack.errors import SiteError, nearest

Region = Literal["all", "prompt", "response", "think", "answer", "last", "indices"]


@dataclass(frozen=True)
class TokenSequence:
    """Token ids of one conversation, unpadded, with the places where its parts begin.

    Attributes
    ----------
    ids:
        All token ids, as the model runs them.
    response_start:
        Index of the first token after the user's turn: the assistant header, then any
        answer prefix, then the answer. Where a template puts nothing after the user's turn
        it is the last token of the turn, as in CAA (its steering begins at the last token
        of ``[/INST]``), so that the first answer token is always under the edit's influence.
    answer_start:
        Index of the first answer token; ``len(ids)`` where there is no answer yet.
    think:
        First token of the assistant's reasoning block, its marks included, and the first after it; the same twice
        where there is no block.
    reply_start:
        Index of the first of the assistant's own words outside the block, such as an answer prefix; None for
        ``answer_start``.
    unfinished:
        Whether it ends within the reasoning block, which the model is to write on.
    """

    ids: tuple[int, ...]
    response_start: int
    answer_start: int
    think: tuple[int, int] = (0, 0)
    reply_start: int | None = None
    unfinished: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.response_start <= self.answer_start <= len(self.ids):
            raise ValueError(f"parts out of order: {self.response_start}, {self.answer_start}, {len(self.ids)}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def answer_from(self) -> int:
        """Where the selection ``answer`` begins: after the block, at the token that predicts the first own word."""
        own = self.answer_start if self.reply_start is None else min(self.reply_start, self.answer_start)
        return max(own - 1, 0)

    def cut(self, end: int) -> "TokenSequence":
        """Its first ``end`` tokens, with what is left of its parts."""
        begin, over = (min(place, end) for place in self.think)
        own = None if self.reply_start is None else min(self.reply_start, end)
        return TokenSequence(
            self.ids[:end], min(self.response_start, end), min(self.answer_start, end), (begin, over), own
        )


@dataclass(frozen=True)
class Tokens:
    """A selection of token positions.

    ``all`` is every position; ``prompt`` is everything up to the end of the user's turn;
    ``response`` is everything after it, and each generated token; ``think`` is the reasoning
    block with its marks; ``answer`` is what follows the block, or the assistant header where
    there is none: from the position that predicts the first of the assistant's own words on,
    and each token generated there; ``last`` is the last position before the answer;
    ``indices`` are explicit positions in what precedes the
    answer, counted from 0, or from -1 backwards from ``last``.
    """

    region: Region = "response"
    indices: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.region not in get_args(Region):
            raise SiteError(f"There is no token selection {self.region!r}.", fix=nearest(self.region, get_args(Region)))
        if (self.region == "indices") != bool(self.indices):
            raise SiteError(
                "Explicit positions and the selection 'indices' go together.",
                seen=f"region {self.region!r}, indices {self.indices}",
                fix="Use Tokens.at(0, 5, -1), or a named selection without positions.",
            )

    @classmethod
    def at(cls, *indices: int) -> "Tokens":
        """Select explicit positions."""
        return cls("indices", tuple(indices))

    @classmethod
    def parse(cls, text: str) -> "Tokens":
        """Read ``"response"`` or ``"0,5,-1"`` as typed on a command line."""
        if re.fullmatch(r"\s*-?[0-9]+\s*(,\s*-?[0-9]+\s*)*", text):
            return cls.at(*(int(part) for part in text.split(",")))
        return cls(text)  # type: ignore[arg-type]  # checked in __post_init__

    def __str__(self) -> str:
        return ",".join(map(str, self.indices)) if self.region == "indices" else self.region

    @property
    def includes_generated(self) -> bool:
        """Whether each newly generated token is selected too."""
        return self.region in ("all", "response", "answer")

    def go_on_after(self, prompt: TokenSequence) -> bool:
        """Whether tokens generated after a prompt are selected; in a block that is left open, those of ``think`` are
        and those of ``answer`` are not.
        """
        if prompt.unfinished and self.region in ("think", "answer"):
            return self.region == "think"
        return self.includes_generated

    def positions(self, sequence: TokenSequence) -> tuple[int, ...]:
        """The selected 0-based positions of a sequence, in order.

        Raises
        ------
        SiteError
            An explicit position lies outside what precedes the answer.
        """
        end = sequence.answer_start
        match self.region:
            case "all":
                return tuple(range(len(sequence)))
            case "prompt":
                return tuple(range(sequence.response_start))
            case "response":
                return tuple(range(sequence.response_start, len(sequence)))
            case "think":
                return tuple(range(*sequence.think))
            case "answer" if sequence.unfinished:
                return ()
            case "answer":
                return tuple(range(sequence.answer_from, len(sequence)))
            case "last":
                return (end - 1,)
            case "indices":
                outside = [i for i in self.indices if not -end <= i < end]
                if outside:
                    raise SiteError(
                        f"Position {outside[0]} is out of range.",
                        seen=f"a prompt of {end} tokens",
                        fix=f"Use positions from {-end} to {end - 1}.",
                    )
                return tuple(sorted({i % end for i in self.indices}))
