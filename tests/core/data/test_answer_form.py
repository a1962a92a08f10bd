"""Answer forms end with the label; demonstrations are written in them."""

import pytest
from tests.core.data.test_questions import CHOICE, data

from steerstack.data.answer_form import FORMS, check_form, forms_for, in_form, prefix_of, shown_form
from steerstack.data.items import Item
from steerstack.data.manner import Manner, TriedForm
from steerstack.data.prompts import ChatFormat
from steerstack.data.questions import ask, shots_of
from steerstack.errors import DataError
from steerstack.testing.models import tiny_tokenizer

PERSONA = Item("p", "Do you like tea?", ("Yes", "No"), 1, 0, form="yes-no")


def test_a_form_is_what_stands_before_the_label():
    assert [prefix_of(form, "letter") for form in FORMS] == ["(", "", " ", "Answer: "]
    assert prefix_of(None, "letter") == "("
    assert prefix_of(None, "yes-no") == ""
    assert check_form("Answer: Yes") == check_form("Answer: No") == "Answer: A"
    assert [shown_form(form, "yes-no") for form in (None, " A", "So: A")] == ["Yes", " Yes", "So: Yes"]
    assert forms_for("yes-no") == ("A", " A", "Answer: A")
    with pytest.raises(DataError, match="does not end with the label"):
        check_form("(B")
    with pytest.raises(DataError, match="does not end with the label"):
        ChatFormat(tiny_tokenizer(), Manner(form="Answer:"))


@pytest.mark.parametrize(
    ("form", "written"), [(None, "(C)"), ("A", "C"), (" A", "C"), ("Answer: A", "Answer: C"), ("**A", "**C**")]
)
def test_demonstrations_are_written_in_the_form(form, written):
    assert shots_of([CHOICE], "letter", form) == ((CHOICE.listed(), written),)
    assert in_form("C", form, "letter") == written


@pytest.mark.parametrize("chat", [True, False])
@pytest.mark.parametrize("form", [*FORMS, "The best is A"])
def test_every_order_is_asked_in_the_form_of_the_format(chat, form):
    tokenizer = tiny_tokenizer(chat=chat)
    format = ChatFormat(tokenizer, Manner(form=form))
    for item, mode, label in ((CHOICE, "letter", "C"), (PERSONA, "yes-no", "No")):
        question = ask(format, data(item), mode)[0]
        text = tokenizer.decode(list(question.exhibits.ids))
        assert text.endswith(form[:-1] + label)
        for side in question.pair:
            assert len(side) == side.answer_start + 1
        assert question.exhibits.ids[:-1] == question.contrast.ids[:-1]


def test_a_manner_reads_back():
    manner = Manner({"enable_thinking": False}, "Answer: A", "generated")
    assert Manner.from_json(manner.to_json()) == manner
    assert Manner.from_json({}) == Manner()
    tried = (TriedForm("A", 0.5, 1.0, 3),)
    described = ChatFormat(tiny_tokenizer(), Manner().with_form("A", tried)).describe()
    assert described["forms_tried"] == [{"form": "A", "mass": 0.5, "swap_consistency": 1.0, "n": 3}]
