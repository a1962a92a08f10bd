"""From a request's prompts to token sequences with their parts marked."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from steerstack.data.prompt_text import prompt_of
from steerstack.errors import ArgumentError
from steerstack.steering.regions import assistant_header, mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.serving.openai.form import ChatForm
    from steerstack.steering.intervention import Plan
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model


class PromptReader:
    """Makes sequences of what clients send.

    Parameters
    ----------
    model:
        Whose tokenizer and template are used.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    @cached_property
    def _header(self) -> tuple[int, ...]:
        return assistant_header(self._model.tokenizer, **self._model.format.manner.template)

    def chat(self, form: ChatForm) -> TokenSequence:
        """A conversation in the model's own chat format, up to where the answer is to begin; raises DataError."""
        return self._model.format.sequence(prompt_of([message.words for message in form.messages]))

    def written(self, prompt: str | Sequence[int]) -> TokenSequence:
        """A prompt that stands as it is: text, or token ids.

        The response begins at the last assistant header, or else at the last token, as in harnesses
        (:mod:`steerstack.steering.regions`).

        Raises
        ------
        ArgumentError
            It has no token.
        """
        ids = self._ids(prompt) if isinstance(prompt, str) else tuple(prompt)
        if not ids:
            raise ArgumentError("A prompt has no token.", seen=repr(prompt)[:60], fix="Write some text.")
        return mark(ids, len(ids), self._header)

    def _ids(self, text: str) -> tuple[int, ...]:
        """What the tokenizer puts in front of a text is put there once, also where the client wrote it."""
        ids = self._model.format.plain(text).ids if text else ()
        twice = len(ids) > 1 and ids[0] == ids[1] == self._model.tokenizer.bos_token_id
        return ids[1:] if twice else ids

    def check_echo(self, text: TokenSequence, plan: Plan) -> None:
        """Refuse an edit whose place in a prompt that is itself read nobody can know.

        Where a client has its own words scored, they are part of the prompt, and nothing says where they begin: only
        an assistant header does.

        Raises
        ------
        ArgumentError
            The selection of an edit depends on it.
        """
        headed = bool(self._header) and text.ids[text.response_start :][: len(self._header)] == self._header
        for edit in plan:
            tokens = edit.tokens
            known = (
                tokens.region == "all"
                or (tokens.region == "indices" and min(tokens.indices) >= 0)
                or (tokens.region in ("prompt", "response") and headed)
            )
            if not known:
                raise ArgumentError(
                    f"Which tokens of an echoed prompt are {str(tokens)!r} is not known: no log-probabilities of it.",
                    seen="no assistant header in it" if not headed else f"the selection {str(tokens)!r}",
                    fix="Write the prompt with the chat template (lm-eval: --apply_chat_template) and use the tokens "
                    "prompt or response; or use all, or positions from the beginning.",
                )
