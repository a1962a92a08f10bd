"""From words to tokens: the model's own chat format, with the parts of a sequence marked."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

from steerstack.data.answer_form import check_form
from steerstack.data.chat_template import ChatTemplate, lost
from steerstack.data.manner import USUAL, Manner
from steerstack.data.prompt_text import Prompt, Rendered, answered, common_prefix, followed
from steerstack.data.reasoning import ReasoningBlock, find_block
from steerstack.errors import DataError, ModelError
from steerstack.steering.tokens import TokenSequence
from steerstack.util import digest

__all__ = ["ChatFormat", "Prompt"]


class ChatFormat:
    r"""Renders prompts and answers with a tokenizer, which it never changes.

    A tokenizer with a chat template is used with it (Jinja, as transformers does); one
    without gets the plain ``Human: ...\n\nAssistant:`` form of Perez et al. (2212.09251),
    in which answers begin with a space. What was rendered is looked for in the decoded tokens.

    Parameters
    ----------
    tokenizer:
        A fast tokenizer (it must report character offsets).
    manner:
        What the template is told, how labels are written, what becomes of reasoning.

    Raises
    ------
    ModelError
        The tokenizer or its template cannot be used so.
    """

    def __init__(self, tokenizer: Any, manner: Manner = USUAL) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise ModelError(
                "The tokenizer reports no character offsets.",
                seen=type(tokenizer).__name__,
                fix="Load the fast version: AutoTokenizer.from_pretrained(..., use_fast=True).",
            )
        self._tokenizer, self.manner = tokenizer, manner
        self.chat = bool(getattr(tokenizer, "chat_template", None))
        if manner.form is not None:
            check_form(manner.form)
        if manner.template and not self.chat:
            raise ModelError(
                "Template arguments were given, and the tokenizer has no chat template.",
                seen=", ".join(manner.template),
                fix="Leave out --template.",
            )
        if self.chat and manner.template:
            _ = self._template.variables  # an argument that is not known is refused now

    @cached_property
    def _template(self) -> ChatTemplate:
        return ChatTemplate(self._tokenizer, self.manner.template)

    def asked(self, manner: Manner) -> "ChatFormat":
        """The same format in another manner."""
        return ChatFormat(self._tokenizer, manner)

    @cached_property
    def written(self) -> list[Any]:
        """JSON of everything that decides how conversations become text."""
        return [digest.of_json(self._template.source if self.chat else ""), self.manner.to_json()]

    def describe(self) -> dict[str, object]:
        """How conversations are written, as records hold it: what was given, and what had to be done."""
        description = self.manner.to_json()
        if self.manner.tried:
            description["forms_tried"] = [asdict(one) for one in self.manner.tried]
        if not self.chat:
            return {**description, "chat": False}
        description["chat"] = True
        if self._template.date:
            description["date"] = self._template.date
        shape = self._template.shape(False, False)
        try:
            folded = self._template.shape(True, False).folded
        except ModelError:  # said where a system prompt is asked for
            folded = False
        if shape.parts:
            description["content"] = "list of parts"
        if folded:
            description["system"] = "in front of the user's words"
        block = self._beginning(Prompt("x"))[2]
        if block is not None:
            description["reasoning"] = self.manner.reasoning
            description["reasoning_block"] = (
                "closed by the template" if block.end is not None else f"{block.close!r} added"
            )
        return description

    def _plain(self, prompt: Prompt) -> Rendered:
        head = f"{prompt.system}\n\n" if prompt.system else ""
        head += "".join(f"Human: {user}\n\nAssistant: {answer}\n\n" for user, answer in prompt.history)
        turn = f"{head}Human: {prompt.user}"
        text = f"{turn}\n\nAssistant:"
        return Rendered(text + (f" {prompt.prefix}" if prompt.prefix else ""), len(turn), len(text))

    def _beginning(self, prompt: Prompt) -> tuple[str, str, ReasoningBlock | None]:
        """A conversation up to the end of the user's turn, the beginning of the reply, and its reasoning block."""
        template, turns = self._template, prompt.turns
        # models that can do either: the block is closed in their own way
        quiet = {"enable_thinking": False} if "enable_thinking" in template.variables else {}
        text = template.write(turns, generate=True, more=quiet)
        closed = template.write(turns, generate=False, more=quiet)
        words = prompt.user.strip()
        turn_end = len(closed) if text.startswith(closed) else text.rfind(words) + len(words)
        return text[:turn_end], text[turn_end:], find_block(text[turn_end:], template.source)

    def _render(self, prompt: Prompt, *, unfinished: bool = False) -> Rendered:
        if not self.chat:
            return self._plain(prompt)
        turn, beginning, block = self._beginning(prompt)
        if block is None:
            text = turn + beginning
            return Rendered(text + prompt.prefix, len(turn), len(text))
        if unfinished:
            text = turn + block.opened(beginning)
            return Rendered(text, len(turn), len(text), (len(turn) + block.start, len(text)))
        whole = block.holding(beginning, prompt.thought) if prompt.thought else block.closed(beginning)
        text = turn + whole
        end = len(turn) + whole.rfind(block.close) + len(block.close)
        return Rendered(text + prompt.prefix, len(turn), len(text), (len(turn) + block.start, end))

    @cached_property
    def _lead(self) -> tuple[int, ...]:
        """What the tokenizer itself puts in front of a text; what it appends is no part of a prompt or an answer."""
        encoded = self._tokenizer("a", add_special_tokens=True, return_special_tokens_mask=True)
        mask = encoded["special_tokens_mask"]
        return tuple(encoded["input_ids"][: mask.index(0) if 0 in mask else 0])

    def _encode(self, text: str, *, bare: bool = False) -> tuple[list[int], list[tuple[int, int]]]:
        lead = self._lead if bare or not self.chat else ()  # a chat template writes them itself
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return [*lead, *encoded["input_ids"]], [*[(0, 0)] * len(lead), *encoded["offset_mapping"]]

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def _marked(self, prompt: Prompt, rendered: Rendered) -> TokenSequence:
        """A prompt's tokens with their parts, once all that was to be said is found in them."""
        ids, offsets = self._encode(rendered.text)
        texts = prompt.turns.texts
        decoded = self._decode(ids)
        missing = lost(texts, decoded, lambda text: self._decode(self._ids(text)))
        if missing:
            raise ModelError(
                f"The rendered prompt does not hold {missing[0]}.",
                seen=f"{texts[missing[0]][:80]!r} in {decoded[-300:]!r}",
                fix="Use the chat template that the model was trained with, or reword what it changes.",
            )
        self._check_known(prompt.user)
        return rendered.marked(ids, offsets)

    def _check_known(self, words: str) -> None:
        """Refuse words that are mostly unknown to the tokenizer: all such prompts would be one and the same."""
        unknown = self._tokenizer.unk_token_id
        if unknown is None:
            return
        ids = self._ids(words)
        if ids.count(unknown) > len(ids) / 2:
            raise DataError(
                "The tokenizer does not know most of the user's words.",
                seen=f"{ids.count(unknown)} of {len(ids)} tokens of {words[:80]!r} are {self._tokenizer.unk_token!r}",
                fix="Use a tokenizer of the data's language.",
            )

    def sequence(self, prompt: Prompt) -> TokenSequence:
        """Token ids of a prompt, up to where the answer is to begin.

        Raises
        ------
        ModelError
            The template leaves out some of it.
        """
        return self._marked(prompt, self._render(prompt))

    @property
    def reasons(self) -> bool:
        """Whether the template opens a reasoning block, or can."""
        return self.chat and self._beginning(Prompt("x"))[2] is not None

    def unfinished(self, prompt: Prompt) -> TokenSequence:
        """Token ids of a prompt up to where the model is to reason before it answers.

        Raises
        ------
        ModelError
            The template has no reasoning block.
        """
        if not self.reasons:
            raise ModelError(
                "The chat template opens no reasoning block.",
                seen="reasoning 'generated'",
                fix="Leave out --reasoning, or give the --template argument that opens one.",
            )
        return replace(self._marked(prompt, self._render(prompt, unfinished=True)), unfinished=True)

    def thought(self, ids: Sequence[int]) -> tuple[str, bool]:
        """What a model reasoned, from the tokens that it generated, and whether it came to an end."""
        block = self._beginning(Prompt("x"))[2]
        text = self._decode(ids)
        assert block is not None
        return text.split(block.close)[0], block.close in text

    @property
    def thought_end(self) -> str:
        """The text that ends a reasoning block; empty where the template opens none."""
        block = self._beginning(Prompt("x"))[2] if self.chat else None
        return block.close if block else ""

    def plain(self, text: str) -> TokenSequence:
        """Running text outside any conversation: all but its first token is answer and response."""
        return TokenSequence(tuple(self._encode(text, bare=True)[0]), 1, 1)

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
        rendered = self._render(prompt)
        base = self._marked(prompt, rendered)
        encoded = [self._encode(rendered.text + self._joint(prompt) + answer)[0] for answer in answers]
        return followed(base, answers, encoded)

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
        base = Rendered(text, len(turn), len(text)).marked(*self._encode(text, bare=True))
        return followed(base, answers, [self._encode(text + answer, bare=True)[0] for answer in answers])

    def labels(self, prompt: Prompt, labels: Sequence[str]) -> list[TokenSequence]:
        """Token ids of a prompt followed by labels, such as ``A`` and ``B``, each of a single token.

        Prompt, prefix and label are cut together, as the tokenizer would cut what the model writes: where ``(A``
        is one token, it is the answer, and no ``(`` stands before it.

        Raises
        ------
        DataError
            The tokenizer has no single token for a label, or the same for two.
        """
        rendered = self._render(prompt)
        base = self._marked(prompt, rendered)
        encoded = [self._encode(rendered.text + self._joint(prompt) + label)[0] for label in labels]
        if len({tuple(ids) for ids in encoded}) < len(encoded):
            raise DataError(f"The tokenizer gives the labels {list(labels)} one and the same token.")
        others = encoded[1:] or [list(base.ids)]  # a label by itself begins where the prompt without it ends
        start = min(common_prefix(encoded[0], ids) for ids in others)
        for label, ids in zip(labels, encoded, strict=True):
            if len(ids) != start + 1:
                raise DataError(
                    f"The tokenizer has no single token for the label {label!r} after {prompt.prefix!r}.",
                    seen=f"{self._tokenizer.convert_ids_to_tokens(ids[start:])} for it",
                    fix="Use another answer form (--form), or --score text, which needs no single-token labels.",
                )
        return [answered(base, ids, start) for ids in encoded]

    def _joint(self, prompt: Prompt) -> str:
        return "" if self.chat or prompt.prefix else " "
