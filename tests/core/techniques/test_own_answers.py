"""The model's own answers: what it says to the questions, read again after other words."""

from steerstack import generate
from steerstack.techniques.own_answers import TOKENS, answered_again, own_answers
from steerstack.testing.planted import planted_data


def test_the_answers_are_what_the_model_says_and_are_read_after_any_words(llama):
    data = planted_data(4)
    answers = own_answers(llama, data, 2, "text")
    questions = [item.question for item in data.items[:2]]
    assert answers == [row[0] for row in generate(llama, questions, [None], max_new_tokens=TOKENS)]
    bare, prompted = (answered_again(llama.format, data, answers, "text", system=words) for words in (None, "Be kind."))
    assert len(bare) == len(prompted) == sum(bool(text.strip()) for text in answers)
    for before, after in zip(bare, prompted, strict=True):
        assert before.ids[before.answer_start :] == after.ids[after.answer_start :]
        assert len(after) > len(before)
    assert answered_again(llama.format, data, ["", " "], "text") == []
    assert own_answers(llama, data, 0, "text") == []
