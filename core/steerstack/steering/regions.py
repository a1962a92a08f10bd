"""Where the response begins in a text that a harness, or another client, has already written out.

It hands over a *context*, as text, and a continuation. The answer begins where the context's tokens end.
The response begins

- at the last assistant header, where the context was written with the model's chat template (so an edit of the
  response covers header, any answer prefix, and answer: as everywhere in steerstack);
- at the last token of the context, where there is no header: the first answer token is predicted there, so it
  is under the edit's influence (as CAA steers from the last token of ``[/INST]``).

``prompt`` is everything before the response, ``last`` the last token of the context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steerstack.steering.tokens import TokenSequence

if TYPE_CHECKING:
    from collections.abc import Sequence


def assistant_header(tokenizer: Any, **template_arguments: Any) -> tuple[int, ...]:
    """Token ids of what the chat template puts before an assistant's words; empty where it puts nothing.

    White space at its end is left out: lm-eval counts it to the continuation.
    """
    from jinja2 import TemplateError

    if not getattr(tokenizer, "chat_template", None):
        return ()
    messages = [{"role": "user", "content": "x"}]

    def written(generate: bool) -> str:
        text = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=generate, **template_arguments
        )
        return str(text)

    try:
        without_header, with_header = written(False), written(True)
    except TemplateError:
        return ()
    header = with_header.removeprefix(without_header).rstrip() if with_header.startswith(without_header) else ""
    return tuple(tokenizer.encode(header, add_special_tokens=False)) if header else ()


def mark(ids: Sequence[int], answer_start: int, header: Sequence[int]) -> TokenSequence:
    """A sequence with its parts marked.

    Parameters
    ----------
    ids:
        All token ids: context, then continuation.
    answer_start:
        How many of them are context; at least 1.
    header:
        Of :func:`assistant_header`.
    """
    whole, size = tuple(ids), len(header)
    places = (at for at in range(answer_start - size, -1, -1) if whole[at : at + size] == tuple(header))
    response = next(places, answer_start - 1) if size else answer_start - 1
    return TokenSequence(whole, response, answer_start)
