"""Whether every token that text can become has a row in the model's embedding."""

import re

from steerstack.data.prompts import Prompt
from steerstack.errors import ModelError
from steerstack.trace.model import Model

_MEDIA = re.compile("image|audio|video|vision|speech|img", re.IGNORECASE)


def check_vocabulary(model: Model) -> None:
    """Refuse a tokenizer with ids beyond the embedding.

    Placeholders of images and sounds may lie beyond it (Gemma 3's text models have one), as no text
    becomes them, unless the chat template writes them.

    Raises
    ------
    ModelError
        There are such tokens.
    """
    vocabulary: dict[str, int] = model.tokenizer.get_vocab()
    beyond = {index: token for token, index in vocabulary.items() if index >= model.n_ids}
    if not beyond:
        return
    special = {str(token) for token in getattr(model.tokenizer, "all_special_tokens", [])} | {
        str(token)
        for token in getattr(model.tokenizer, "added_tokens_decoder", {}).values()
        if getattr(token, "special", False)
    }
    media = {index for index, token in beyond.items() if token in special and _MEDIA.search(token)}
    if media and media == set(beyond):
        beyond = {index: beyond[index] for index in media & _written(model)}
    if beyond:
        some = ", ".join(f"{token!r} = {index}" for index, token in sorted(beyond.items())[:4])
        raise ModelError(
            f"The tokenizer of {model.name} has {len(beyond)} tokens that its embedding lacks.",
            seen=f"{some}{', ...' if len(beyond) > 4 else ''}; an embedding of {model.n_ids} rows",
            fix="Use the tokenizer that belongs to these weights, or call model.resize_token_embeddings("
            f"{max(beyond) + 1}) and train the new rows before the model is saved.",
        )


def _written(model: Model) -> set[int]:
    """Ids that a conversation of one turn becomes."""
    return set(model.format.sequence(Prompt("a")).ids)
