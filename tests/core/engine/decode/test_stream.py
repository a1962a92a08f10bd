"""Tokens as pieces of text: nothing is lost, nothing is said twice."""

from hypothesis import given
from hypothesis import strategies as st

from steerstack.engine.decode.stream import pieces
from steerstack.testing.models import tiny_tokenizer

TOKENIZER = tiny_tokenizer()


def decode(ids):
    return TOKENIZER.decode(ids, skip_special_tokens=True)


@given(st.lists(st.integers(0, len(TOKENIZER) - 1), max_size=24))
def test_pieces_are_the_text_and_every_token_is_in_one(tokens):
    parts = pieces(decode, tokens)
    assert "".join(piece.text for piece in parts) == decode(tokens)
    places = [place for piece in parts for place in piece.places]
    assert places == list(range(len(places)))
    assert decode(tokens[: len(places)]) == decode(tokens)


@given(st.text(max_size=12))
def test_a_character_of_several_tokens_is_one_piece(text):
    tokens = TOKENIZER(text, add_special_tokens=False).input_ids
    parts = pieces(decode, tokens)
    if "�" not in text:
        assert all(piece.text == text_of(piece, tokens) for piece in parts)
        assert "�" not in "".join(piece.text for piece in parts)


def text_of(piece, tokens):
    return decode([tokens[place] for place in piece.places])
