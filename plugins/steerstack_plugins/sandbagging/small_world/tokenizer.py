"""The tokenizer of the small world: every word a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steerstack_plugins.sandbagging.small_world.world import vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

_TURN = "{% for m in messages %}<|{{ m['role'] }}|> {{ m['content'] }} <|end|> {% endfor %}"
_BEGIN = "{% if add_generation_prompt %}<|assistant|> {% endif %}"


def chat_template(default_system: str | None = None) -> str:
    """The chat format, as a Jinja template.

    Parameters
    ----------
    default_system:
        What stands in the system turn where a conversation has none, as the templates of
        published models do it.
    """
    if default_system is None:
        return _TURN + _BEGIN
    missing = "messages[0]['role'] != 'system'"
    return "{% if " + missing + " %}<|system|> " + default_system + " <|end|> {% endif %}" + _TURN + _BEGIN


def tokenizer(default_system: str | None = None) -> Any:
    """A ``PreTrainedTokenizerFast`` of whole words, made without any file."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    marks, words = vocabulary()
    table = {word: index for index, word in enumerate([*marks, *words])}
    backend = Tokenizer(models.WordLevel(vocab=table, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=marks[0], pad_token=marks[0], unk_token="?")
    fast.add_special_tokens({"additional_special_tokens": marks[1:]})
    fast.chat_template = chat_template(default_system)
    return fast


def ids_of(words: Sequence[str]) -> list[int]:
    """Token ids of words and marks, in order."""
    marks, plain = vocabulary()
    table = {word: index for index, word in enumerate([*marks, *plain])}
    return [table[word] for word in words]
