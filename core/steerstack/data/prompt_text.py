"""A prompt, what a template made of it, and from that text the tokens with their parts marked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from steerstack.data.chat_template import Turns
from steerstack.errors import DataError
from steerstack.steering.tokens import TokenSequence


@dataclass(frozen=True)
class Prompt:
    """One user turn, an optional system prompt, and the start of the assistant's reply.

    ``history`` holds earlier turns as pairs of what the user said and what the assistant
    answered. It is part of the prompt: an edit of the response does not touch earlier answers.
    ``thought`` is what the model reasoned before the answer, where it was asked to.
    """

    user: str
    system: str | None = None
    prefix: str = ""
    history: tuple[tuple[str, str], ...] = ()
    thought: str = ""

    @property
    def turns(self) -> Turns:
        """The conversation up to the user's last turn."""
        return Turns(self.user, self.system, self.history)


def prompt_of(messages: Sequence[tuple[str, str]]) -> Prompt:
    """The prompt of a conversation of (role, words), as chat clients send it.

    Several messages of one speaker in a row are one turn. System messages at the beginning are the system
    prompt; an assistant's words at the end are the start of the answer that is asked for. Earlier answers are
    history: an edit of the response does not touch them.

    Raises
    ------
    DataError
        It is no exchange of a user and an assistant that the user begins.
    """
    turns: list[tuple[str, str]] = []
    for role, words in messages:
        if turns and turns[-1][0] == role:
            turns[-1] = (role, f"{turns[-1][1]}\n\n{words}")
        else:
            turns.append((role, words))
    system = turns.pop(0)[1] if turns and turns[0][0] == "system" else None
    prefix = turns.pop()[1] if turns and turns[-1][0] == "assistant" else ""
    roles = [role for role, _ in turns]
    if not turns or roles != ["user", "assistant"] * (len(turns) // 2) + ["user"]:
        raise DataError(
            "The conversation cannot be put in the model's chat format.",
            seen=" ".join(role for role, _ in messages) or "no messages",
            fix="Begin with a user's turn (after the system prompt), and let user and assistant alternate.",
        )
    texts = [words for _, words in turns]
    return Prompt(texts[-1], system, prefix, tuple(zip(texts[:-1:2], texts[1::2], strict=True)))


@dataclass(frozen=True)
class Rendered:
    """A prompt as text.

    Attributes
    ----------
    text:
        All of it.
    turn_end, header_end:
        Characters where the user's turn ends, and where the assistant's own words begin.
    think:
        Characters where the reasoning block begins and ends; twice 0 where there is none.
    """

    text: str
    turn_end: int
    header_end: int
    think: tuple[int, int] = (0, 0)

    def marked(self, ids: Sequence[int], offsets: Sequence[tuple[int, int]]) -> TokenSequence:
        """Its tokens, with the parts of the prompt marked.

        Parameters
        ----------
        ids, offsets:
            What a tokenizer makes of the text, and which characters each token stands for.
        """

        def first_at(character: int) -> int:
            return next((i for i, (start, end) in enumerate(offsets) if start >= character and end > start), len(ids))

        last_of_header = max(first_at(self.header_end) - 1, 0)
        response = min(first_at(self.turn_end), last_of_header)
        begin, end = self.think
        think = (first_at(begin), first_at(end)) if end else (0, 0)
        return TokenSequence(tuple(ids), response, len(ids), think, first_at(self.header_end))


def followed(base: TokenSequence, answers: Sequence[str], encoded: Sequence[Sequence[int]]) -> list[TokenSequence]:
    """A prompt followed by each answer, all with one place where answers begin.

    Parameters
    ----------
    base:
        The prompt alone.
    answers, encoded:
        The answers, and prompt and answer together as token ids.

    Raises
    ------
    DataError
        An answer adds no token.
    """
    start = min(common_prefix(base.ids, ids) for ids in encoded)
    for answer, ids in zip(answers, encoded, strict=True):
        if len(ids) <= start:
            raise DataError(f"The answer {answer!r} adds no token to its prompt.", fix="Give it some text.")
    return [answered(base, ids, start) for ids in encoded]


def answered(base: TokenSequence, ids: Sequence[int], start: int) -> TokenSequence:
    """A prompt and its answer, which begins at token ``start``, with the prompt's parts."""
    response = min(base.response_start, start)
    return replace(base, ids=tuple(ids), response_start=response, answer_start=start)


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
