"""From a harness's chat messages to a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.data.prompts import Prompt


def prompt_of(messages: Sequence[tuple[str, str]]) -> Prompt:
    """The prompt of a conversation of (role, words).

    Several messages of one speaker in a row are one turn. System messages at the beginning are the system
    prompt; an assistant's words at the end are the start of the answer that is asked for. Earlier answers are
    history: an edit of the response does not touch them.

    Raises
    ------
    DataError
        It is no exchange of a user and an assistant that the user begins.
    """
    from steerstack.data.prompts import Prompt

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
