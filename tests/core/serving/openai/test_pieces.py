"""Answers in pieces: joined they are the answer, and no piece says what a text that ends it takes back."""

from hypothesis import given
from hypothesis import strategies as st

from steerstack.engine.decode.stream import before
from steerstack.serving.openai.pieces import Chunks, PieceTeller, offsets


def decode(ids):
    """Tokens that are bytes."""
    return bytes(ids).decode("utf-8", errors="replace")


@given(st.text(), st.lists(st.text(alphabet="ab", min_size=1, max_size=3), max_size=2))
def test_pieces_are_the_answer_up_to_a_text_that_ends_it(text, stops):
    told = []
    teller = PieceTeller(decode, stops, told.append)
    for token in text.encode():
        teller.token(token)
        assert before(text, stops).startswith("".join(told))
    teller.rest(before(text, stops))
    assert "".join(told) == before(text, stops)
    assert "" not in told


@given(st.text(alphabet="aé漢🙂"))
def test_tokens_begin_where_their_character_does(text):
    wanted = [place for place, character in enumerate(text) for _ in character.encode()]
    assert offsets(decode, list(text.encode())) == wanted


def test_bytes_that_never_make_a_character_do_not_hold_up_the_rest():
    assert offsets(decode, [0xF0, 0x9F, 0x99, 0xF0, *b"ab"])[-1] > offsets(decode, [0xF0, 0x9F, 0x99, 0xF0, *b"ab"])[3]


def test_who_speaks_is_told_once_for_each_answer():
    chunks = Chunks("m", chat=True, usage=False)
    deltas = [chunks.piece(index, "x")["choices"][0]["delta"] for index in (0, 0, 1)]
    assert ["role" in delta for delta in deltas] == [True, False, True]
