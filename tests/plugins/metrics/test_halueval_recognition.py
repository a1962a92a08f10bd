"""Recognition of hallucinations against plain forward passes, and the draw of what is shown."""

import json
import math

import pytest
from tests.plugins.metrics.plain import everywhere, in_chat

from steerstack.catalog.data import load_data
from steerstack.errors import DataError
from steerstack.steering.intervention import Plan
from steerstack_plugins.metrics.halueval_recognition import HaluEvalRecognition


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "qa.json"
    rows = [{"knowledge": f"Fact {i}.", "question": f"What is {i}?", "right_answer": f"It is {i}.",
             "hallucinated_answer": f"It was {i + 1}."} for i in range(8)]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.mark.parametrize("knowledge", [False, True])
def test_equals_its_definition(llama, file, knowledge):
    plans = [Plan(), everywhere(llama)]
    metric = HaluEvalRecognition(data=str(file), knowledge=knowledge, seed=1)
    shown = metric.items()[0]
    assert {item.hallucinated for item in shown} == {False, True}
    for plan, arm in zip(plans, metric.measure(llama, plans), strict=True):
        verdicts = []
        for i, item in enumerate(shown):
            assert item.answer == (f"It was {i + 1}." if item.hallucinated else f"It is {i}.")
            source = f"Source: Fact {i}.\n" if knowledge else ""
            text = (f"{source}Question: What is {i}?\nAnswer: {item.answer}\n\n"
                    "Does the answer contain made-up or false information? Reply with Yes or No.")  # fmt: skip
            yes, no = (sum(in_chat(llama, text, word, plan)) for word in ("Yes", "No"))
            verdicts.append(yes > no)
            odds = yes - no if item.hallucinated else no - yes
            assert arm.values["accuracy"][i] == float((yes > no) == item.hallucinated)
            assert arm.values["log_odds"][i] == pytest.approx(odds, abs=1e-4)
            assert arm.values["p_correct"][i] == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-4)
        assert arm.confounds["yes_rate"] == pytest.approx(sum(verdicts) / len(verdicts))


def test_the_draw_is_seeded_and_a_limit_changes_no_other_item(file):
    whole, again, other = (HaluEvalRecognition(data=str(file), seed=s).items()[0] for s in (0, 0, 1))
    assert whole == again
    assert whole != other
    assert HaluEvalRecognition(data=str(file), limit=3).items()[0] == whole[:3]


def test_the_shipped_set_is_the_default_and_its_exhibiting_answer_is_the_hallucination():
    shown, origin = HaluEvalRecognition().items()
    assert origin == "steerstack:hallucination"
    made_up = [item.hallucinated for item in shown]
    assert sum(made_up) == len(shown) / 2
    assert all(one != other for one, other in zip(made_up[::2], made_up[1::2], strict=True))
    assert 0.4 < sum(made_up[::2]) / len(made_up[::2]) < 0.6
    for item, source in zip(shown, load_data("hallucination"), strict=True):
        assert item.answer == (source.exhibits_text if item.hallucinated else source.contrast_text)


def test_data_on_something_else_is_refused(file):
    with pytest.raises(DataError, match="no data file"):
        HaluEvalRecognition(data="sycophancy.jsonl").items()
    file.write_text(json.dumps({"question": "So?", "right_answer": "Yes.", "hallucinated_answer": ""}))
    with pytest.raises(DataError, match="no 'hallucinated_answer'"):
        HaluEvalRecognition(data=str(file)).items()
