"""Selections pick the positions that they name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerstack.errors import SiteError
from steerstack.steering.tokens import Tokens, TokenSequence

REGIONS = ["all", "prompt", "response", "last"]


@st.composite
def sequences(draw):
    length = draw(st.integers(1, 12))
    answer = draw(st.integers(1, length))
    return TokenSequence(tuple(range(100, 100 + length)), draw(st.integers(0, answer)), answer)


SEQUENCE = TokenSequence((7, 8, 9, 10, 11, 12), 3, 5)


@pytest.mark.parametrize(
    ("tokens", "positions"),
    [
        (Tokens("all"), (0, 1, 2, 3, 4, 5)), (Tokens("prompt"), (0, 1, 2)), (Tokens("response"), (3, 4, 5)),
        (Tokens("last"), (4,)), (Tokens.at(0, -1), (0, 4)), (Tokens.at(4, 4, -1, 1), (1, 4)), (Tokens(), (3, 4, 5)),
        (Tokens.at(-5), (0,)),
    ],
)  # fmt: skip
def test_positions(tokens, positions):
    assert tokens.positions(SEQUENCE) == positions


@given(sequences())
def test_prompt_and_response_part_the_whole(sequence):
    prompt, response = Tokens("prompt").positions(sequence), Tokens("response").positions(sequence)
    assert prompt + response == Tokens("all").positions(sequence) == tuple(range(len(sequence)))
    assert Tokens("last").positions(sequence) == Tokens.at(-1).positions(sequence)


@given(sequences(), st.lists(st.integers(-15, 15), min_size=1))
def test_explicit_positions_are_in_the_prompt_or_refused(sequence, indices):
    end = sequence.answer_start
    if all(-end <= i < end for i in indices):
        positions = Tokens.at(*indices).positions(sequence)
        assert list(positions) == sorted({range(end)[i] for i in indices})
    else:
        with pytest.raises(SiteError, match=f"Use positions from -{end} to {end - 1}"):
            Tokens.at(*indices).positions(sequence)


@given(st.sampled_from(REGIONS).map(Tokens) | st.lists(st.integers(-99, 99), min_size=1).map(lambda i: Tokens.at(*i)))
def test_text_reads_back_as_the_same_selection(tokens):
    assert Tokens.parse(str(tokens)) == tokens


def test_spaces_between_positions_do_no_harm():
    assert Tokens.parse("0, 5, -1") == Tokens.at(0, 5, -1)


@pytest.mark.parametrize("text", ["", "respons", "1,,2", "1.5", "indices", "1,x", "--1", "²"])
def test_what_is_not_a_selection_is_refused(text):
    with pytest.raises(SiteError):
        Tokens.parse(text)


def test_an_unknown_selection_suggests_the_nearest():
    with pytest.raises(SiteError, match="did you mean 'response'"):
        Tokens("respons")


def test_positions_and_the_selection_indices_go_together():
    for make in (lambda: Tokens("indices"), lambda: Tokens("all", (1,)), lambda: Tokens.at()):
        with pytest.raises(SiteError, match="go together"):
            make()


@pytest.mark.parametrize(
    ("region", "generated"),
    [("all", True), ("prompt", False), ("response", True), ("think", False), ("answer", True), ("last", False)],
)
def test_which_selections_go_on_with_generated_tokens(region, generated):
    assert Tokens(region).includes_generated is generated
    assert not Tokens.at(0, -1).includes_generated


@pytest.mark.parametrize(("response", "answer"), [(-1, 2), (3, 2), (1, 4)])
def test_parts_out_of_order_are_refused(response, answer):
    with pytest.raises(ValueError, match="parts out of order"):
        TokenSequence((1, 2, 3), response, answer)
    assert len(TokenSequence((1, 2, 3), 3, 3)) == 3


def test_think_and_answer_are_what_the_marks_say():
    closed = TokenSequence(tuple(range(9)), 2, 7, (3, 5), 6)
    assert Tokens("think").positions(closed) == (3, 4)
    assert Tokens("answer").positions(closed) == (5, 6, 7, 8)  # from the token that predicts the first own word
    assert (Tokens("think").go_on_after(closed), Tokens("answer").go_on_after(closed)) == (False, True)
    unfinished = TokenSequence(tuple(range(6)), 2, 6, (3, 6), 6, unfinished=True)
    assert (Tokens("think").positions(unfinished), Tokens("answer").positions(unfinished)) == ((3, 4, 5), ())
    assert (Tokens("think").go_on_after(unfinished), Tokens("answer").go_on_after(unfinished)) == (True, False)
    plain = TokenSequence(tuple(range(5)), 2, 4)
    assert (Tokens("think").positions(plain), Tokens("answer").positions(plain)) == ((), (3, 4))


def test_a_sequence_that_is_cut_keeps_what_is_left_of_its_parts():
    whole = TokenSequence(tuple(range(9)), 2, 7, (3, 5), 6)
    assert whole.cut(9) == whole
    assert whole.cut(4) == TokenSequence((0, 1, 2, 3), 2, 4, (3, 4), 4)
