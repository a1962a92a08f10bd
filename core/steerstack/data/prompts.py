"""From words to tokens: the model's own chat format, with the parts of a sequence marked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from steerstack.errors import DataError, ModelError
from steerstack.steering.tokens import TokenSequence


@dataclass(frozen=True)
class Prompt:
    """One user turn, an optional system prompt, and the start of the assistant's reply.

    ``history`` holds earlier turns as pairs of what the user said and what the assistant
    answered. It is part of the prompt: an edit of the response does not touch earlier answers.
    """

    user: str
    system: str | None = None
    prefix: str = ""
    history: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Rendered:
    text: str
    turn_end: int  # character where the user's turn ends
    header_end: int  # character where the assistant's own words begin


class ChatFormat:
    r"""Renders prompts and answers with a tokenizer, which it never changes.

    A tokenizer with a chat template is used with it (Jinja, as transformers does); one
    without gets the plain ``Human: ...\n\nAssistant:`` form of Perez et al. (2212.09251),
    in which answers begin with a space.

    Parameters
    ----------
    tokenizer:
        A fast tokenizer (it must report character offsets).
    """

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise ModelError(
                "The tokenizer reports no character offsets.",
                seen=type(tokenizer).__name__,
                fix="Load the fast version: AutoTokenizer.from_pretrained(..., use_fast=True).",
            )
        self._tokenizer = tokenizer
        self.chat = bool(getattr(tokenizer, "chat_template", None))

    def _template(self, messages: list[dict[str, str]], generate: bool) -> str:
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generate)
        assert isinstance(text, str)
        return text

    def _render(self, prompt: Prompt) -> _Rendered:
        if not self.chat:
            head = f"{prompt.system}\n\n" if prompt.system else ""
            head += "".join(f"Human: {user}\n\nAssistant: {answer}\n\n" for user, answer in prompt.history)
            turn = f"{head}Human: {prompt.user}"
            text = f"{turn}\n\nAssistant:"
            return _Rendered(text + (f" {prompt.prefix}" if prompt.prefix else ""), len(turn), len(text))
        earlier = [
            {"role": role, "content": text}
            for turn in prompt.history
            for role, text in zip(("user", "assistant"), turn, strict=True)
        ]
        from jinja2 import TemplateError  # here, since plugins that only name a scoring mode import this too

        messages = [*earlier, {"role": "user", "content": prompt.user}]
        if prompt.system is not None:
            messages.insert(0, {"role": "system", "content": prompt.system})
        try:
            text = self._template(messages, generate=True)
        except TemplateError as error:
            if prompt.system is None:
                raise ModelError("The chat template refuses a plain user turn.", seen=str(error)) from error
            # some templates (Gemma) refuse a system role: it goes in front of the user's words
            return self._render(_without_system(prompt, prompt.system))
        closed = self._template(messages, generate=False)
        words = prompt.user.strip()
        turn_end = len(closed) if text.startswith(closed) else text.rfind(words) + len(words)
        return _Rendered(text + prompt.prefix, turn_end, len(text))

    def _encode(self, text: str, *, bare: bool = False) -> tuple[list[int], list[tuple[int, int]]]:
        special = bare or not self.chat  # a chat template writes them itself
        encoded = self._tokenizer(text, add_special_tokens=special, return_offsets_mapping=True)
        return list(encoded["input_ids"]), list(encoded["offset_mapping"])

    def sequence(self, prompt: Prompt) -> TokenSequence:
        """Token ids of a prompt, up to where the answer is to begin."""
        rendered = self._render(prompt)
        ids, offsets = self._encode(rendered.text)
        return _mark(ids, offsets, rendered)

    def plain(self, text: str) -> TokenSequence:
        """Running text outside any conversation: all but its first token is answer and response."""
        ids = self._tokenizer(text, add_special_tokens=True)["input_ids"]
        return TokenSequence(tuple(ids), 1, 1)

    def answers(self, prompt: Prompt, answers: Sequence[str]) -> list[TokenSequence]:
        """Token ids of a prompt followed by each answer.

        All of them share one ``answer_start``: the first place where any answer's tokens
        depart from those of the bare prompt. Where a tokenizer merges the end of the prompt
        with the start of an answer, that merged token counts as part of the answer.

        Raises
        ------
        DataError
            An answer adds no token.
        """
        joint = "" if self.chat or prompt.prefix else " "
        return self._followed(self._render(prompt), [joint + answer for answer in answers])

    def completions(self, turn: str, header: str, answers: Sequence[str]) -> list[TokenSequence]:
        r"""Token ids of running text followed by each answer, outside any conversation.

        For published prompts such as ``Q: ...``, ``\nA:``, `` answer``. Marked as :meth:`answers` marks them.

        Parameters
        ----------
        turn:
            What precedes the response.
        header:
            How the response begins.
        answers:
            Each as it stands after the header, with its leading space where there is one.

        Raises
        ------
        DataError
            An answer adds no token.
        """
        text = turn + header
        return self._followed(_Rendered(text, len(turn), len(text)), answers, bare=True)

    def _followed(self, rendered: _Rendered, answers: Sequence[str], *, bare: bool = False) -> list[TokenSequence]:
        prompt, offsets = self._encode(rendered.text, bare=bare)
        encoded = [self._encode(rendered.text + answer, bare=bare)[0] for answer in answers]
        start = min(_common_prefix(prompt, ids) for ids in encoded)
        for answer, ids in zip(answers, encoded, strict=True):
            if len(ids) <= start:
                raise DataError(f"The answer {answer!r} adds no token to its prompt.", fix="Give it some text.")
        base = _mark(prompt, offsets, rendered)
        response = min(base.response_start, start)
        return [TokenSequence(tuple(ids), response, start) for ids in encoded]

    def labels(self, prompt: Prompt, labels: Sequence[str]) -> list[TokenSequence]:
        """Token ids of a prompt followed by single-token labels, such as ``A`` and ``B``.

        The label's token is found by search: the one token that, after the prompt's tokens,
        reads as the label.

        Raises
        ------
        DataError
            The tokenizer has no single token for a label, or the same for two.
        """
        base = self.sequence(prompt)
        joint = "" if self.chat or prompt.prefix else " "
        found = [self._label_token(base, prompt, joint + label) for label in labels]
        if len(set(found)) < len(found):
            raise DataError(f"The tokenizer gives the labels {list(labels)} one and the same token.")
        return [TokenSequence((*base.ids, token), base.response_start, len(base)) for token in found]

    def _label_token(self, base: TokenSequence, prompt: Prompt, label: str) -> int:
        rendered = self._render(prompt)
        ids, _ = self._encode(rendered.text + label)
        if len(ids) == len(base) + 1 and tuple(ids[:-1]) == base.ids:
            return ids[-1]
        # the joint text is cut elsewhere ("(A" may be one token): look for the label by itself
        before = self._tokenizer.decode(list(base.ids))
        alone = self._tokenizer(label, add_special_tokens=False)["input_ids"]
        for token in alone[-1:] + ids[-1:]:
            if self._tokenizer.decode([*base.ids, token]) == before + label:
                return int(token)
        raise DataError(
            f"The tokenizer has no single token for the label {label!r} after {prompt.prefix!r}.",
            fix="Use --score text, which needs no single-token labels.",
        )


def _without_system(prompt: Prompt, system: str) -> Prompt:
    if not prompt.history:
        return replace(prompt, user=f"{system}\n\n{prompt.user}", system=None)
    (user, answer), *later = prompt.history
    return replace(prompt, system=None, history=((f"{system}\n\n{user}", answer), *later))


def _common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _mark(ids: list[int], offsets: list[tuple[int, int]], rendered: _Rendered) -> TokenSequence:
    def first_at(character: int) -> int:
        return next((i for i, (start, end) in enumerate(offsets) if start >= character and end > start), len(ids))

    last_of_header = max(first_at(rendered.header_end) - 1, 0)
    return TokenSequence(tuple(ids), min(first_at(rendered.turn_end), last_of_header), len(ids))
