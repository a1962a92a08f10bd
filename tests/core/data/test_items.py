"""Items know which option exhibits; data sets have digests that follow their content."""

from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerstack.data.items import DataSet, Item, Layout
from steerstack.errors import DataError

words = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=8)


@st.composite
def items(draw):
    options = tuple(draw(st.lists(words, min_size=2, max_size=5, unique_by=str.strip)))
    exhibits, contrast = draw(st.permutations(range(len(options))))[:2]
    return Item("i", draw(words), options, exhibits, contrast, topic=draw(st.sampled_from(["", "a"])))


def item(**changes):
    return replace(Item("one", "Shall we?", ("Yes, now", "No", "Later"), 2, 0), **changes)


def data(*given, **changes):
    return replace(DataSet("haste", given or (item(),), "waits", "here"), **changes)


@given(items())
def test_swapping_twice_is_the_identity(one):
    assert one.swapped().swapped() == one


@given(items())
def test_swapping_moves_the_two_options_and_keeps_what_they_mean(one):
    other = one.swapped()
    assert (other.exhibits_text, other.contrast_text) == (one.exhibits_text, one.contrast_text)
    assert (other.exhibits, other.contrast) == (one.contrast, one.exhibits)
    bystanders = set(range(len(one.options))) - {one.exhibits, one.contrast}
    assert all(other.options[i] == one.options[i] for i in bystanders)
    assert (other.id, other.question, other.layout) == (one.id, one.question, one.layout)


@given(items())
def test_inverting_exchanges_the_meaning_and_keeps_the_list(one):
    other = one.inverted()
    assert (other.exhibits_text, other.contrast_text) == (one.contrast_text, one.exhibits_text)
    assert other.listed() == one.listed()
    assert other.inverted() == one


def test_the_list_without_a_layout_of_its_own():
    assert item().listed() == "Shall we?\n\nChoices:\n (A) Yes, now\n (B) No\n (C) Later"
    assert item().swapped().listed() == "Shall we?\n\nChoices:\n (A) Later\n (B) No\n (C) Yes, now"


def test_the_list_with_the_layout_of_the_source():
    layout = Layout("\n\n", ("(A)", " \n(B)  ", "\n (C) "), "\n\nAnswer:")
    assert item(layout=layout).listed() == "Shall we?\n\n(A)Yes, now \n(B)  No\n (C) Later\n\nAnswer:"


@pytest.mark.parametrize(("exhibits", "contrast"), [(0, 0), (3, 0), (0, 3), (-1, 0), (0, -1)])
def test_an_item_names_two_of_its_options(exhibits, contrast):
    with pytest.raises(DataError, match="does not name two of its options"):
        item(exhibits=exhibits, contrast=contrast)


@pytest.mark.parametrize(
    "changes",
    [{"options": ("", "No", "Later"), "contrast": 0}, {"options": ("Now", "No", " \n")}, {"question": " ", "form": "text"},
     {"question": "", "form": "yes-no"}],
)  # fmt: skip
def test_empty_questions_and_answers_are_refused(changes):
    with pytest.raises(DataError, match="empty question or answer"):
        item(**changes)


def test_a_choice_item_may_be_nothing_but_its_options():
    assert item(question="").listed().startswith("\n\nChoices:")


def test_the_stratum_is_the_topic_or_else_the_letter():
    assert (item(topic="sea").stratum, item().stratum, item().swapped().stratum) == ("sea", "letter C", "letter A")


def test_frozen():
    with pytest.raises(FrozenInstanceError):
        item().exhibits = 1


def test_a_data_set_without_items_or_with_an_id_twice_is_refused():
    with pytest.raises(DataError, match="here holds no items"):
        DataSet("haste", (), "waits", "here")
    with pytest.raises(DataError, match="two items called 'one'"):
        data(item(), item(question="Again?"))


def test_the_digest_follows_behaviour_and_content_of_items():
    base = data(item(), item(id="two"))
    same = [data(item(), item(id="two"), source="there"), base.take((item(), item(id="two")))]
    assert {d.digest for d in same} == {base.digest}
    others = [
        replace(base, behavior="delay"), data(item(id="two"), item()), data(item(), item(id="two").inverted()),
        data(item(), item(id="two").swapped()), data(item(), item(id="two", question="Shall I?")),
        data(item(), item(id="two", layout=Layout(" "))), data(item(), item(id="two", system="Be brief.")),
        data(item(), item(id="two", topic="sea")), data(item(), item(id="two", form="text")), data(item()),
        data(item(), item(id="three")),
    ]  # fmt: skip
    assert len({base.digest, *(other.digest for other in others)}) == 1 + len(others)


def test_a_limit_takes_the_first_items():
    three = data(*(item(id=str(i)) for i in range(3)))
    assert [i.id for i in three.limit(2)] == ["0", "1"]
    assert three.limit(None) is three
    assert len(three.limit(99)) == 3
    for n in (0, -1):
        with pytest.raises(DataError, match="leaves no items"):
            three.limit(n)
