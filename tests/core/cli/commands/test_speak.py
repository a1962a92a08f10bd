"""``generate`` and ``chat``: steered beside unsteered, in the forms that a user asks for."""

import io
import json

import pytest
from tests.support.command import steerstack

from steerstack import generate, open_model
from steerstack.steering.vector import SteeringVector
from steerstack.util.text import shown


def expected(folder, vector, prompts, scales, n):
    model, loaded = open_model(str(folder)), SteeringVector.load(vector)
    return generate(model, prompts, [loaded.at(1, scale) for scale in scales], max_new_tokens=n)


def test_prompts_of_a_file_under_several_strengths(tiny_folder, vector, tmp_path):
    (tmp_path / "prompts.txt").write_text("What now?\n\nAnd then?\n")
    process = steerstack(
        "generate", "Hi", "--prompts", tmp_path / "prompts.txt", "--model", tiny_folder, "--vector", vector,
        "--layer", 1, "--scale", "0,2,-1", "--max-new-tokens", 6, "--json", "-",
    )  # fmt: skip
    value = json.loads(process.stdout)
    assert [entry["prompt"] for entry in value] == ["Hi", "What now?", "And then?"]
    texts = expected(tiny_folder, vector, ["Hi", "What now?", "And then?"], (0, 2, -1), 6)
    for entry, of_prompt in zip(value, texts, strict=True):
        assert [arm["label"] for arm in entry["arms"]] == ["unsteered", "layer 1, scale 2", "layer 1, scale -1"]
        assert [arm["scale"] for arm in entry["arms"]] == [0, 2, -1]
        assert entry["engine"] == "reference"
        assert [arm["text"] for arm in entry["arms"]] == of_prompt
        counts = [arm["edited_positions"] for arm in entry["arms"]]
        assert counts[0] == 0
        assert min(counts[1:]) > 5


def test_one_answer_is_said_as_it_comes_and_written(tiny_folder, vector, tmp_path):
    out = tmp_path / "out.json"
    process = steerstack("generate", "Hi", "--model", tiny_folder, "--vector", vector, "--layer", 1, "--max-new-tokens", 6,
                      "--json", out)  # fmt: skip
    (entry,) = json.loads(out.read_text())
    for arm in entry["arms"]:
        assert arm["label"] in process.stdout
        assert shown(arm["text"]).strip() in process.stdout
    assert f"{entry['arms'][1]['edited_positions']} positions edited" in process.stderr


def test_several_answers_are_drawn(tiny_folder, vector):
    options = ("generate", "Hi", "--model", tiny_folder, "--vector", vector, "--layer", 1, "--n", 3, "--json", "-")
    (entry,), (same,), (other,) = (
        json.loads(steerstack(*options, "--seed", seed, "--max-new-tokens", 6).stdout) for seed in (1, 1, 2)
    )
    assert entry == same != other
    assert all(len(arm["samples"]) == 3 and arm["samples"][0] == arm["text"] for arm in entry["arms"])
    assert len(set(entry["arms"][0]["samples"])) > 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "There is no prompt"),
        (("Hi", "--prompts", "nowhere.txt"), "There is no file nowhere.txt"),
        (("Hi", "--vector", "{v}"), "A vector needs a layer"),
        (("Hi", "--vector", "{v}", "--layer", "7"), "Layer 7 is out of range"),
        (("Hi", "--vector", "{v}", "--layer", "1", "--scale", "strong"), "not a list of strengths"),
        (("Hi", "--n", "2", "--temperature", "0"), "all 2 answers are the same"),
        (("Hi", "--top-p", "7"), "top_p is 7"),
        (("Hi", "--backend-set", "length=64"), "does not go without --backend"),
        (("Hi", "--backend", "vlm"), "did you mean 'vllm'"),
    ],
)
def test_mistakes_are_told(tiny_folder, vector, words, message):
    words = [word.format(v=vector) for word in words]
    process = steerstack("generate", *words, "--model", tiny_folder, check=False)
    assert process.returncode == 1
    assert message in process.stderr
    assert "  do:   " in process.stderr


def test_a_talk_from_the_first_word_to_the_last(tiny_folder, vector, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("Hi\n/scale 2\nHi\n/scael 3\n/quit\nnever said\n"))
    process = steerstack("chat", "--model", tiny_folder, "--vector", vector, "--layer", 1, "--max-new-tokens", 6)
    first = expected(tiny_folder, vector, ["Hi"], (1,), 6)[0][0]
    assert shown(first) in process.stdout
    assert len(process.stdout.strip().splitlines()) >= 2
    assert "There is no command /scael" in process.stderr
    assert "did you mean 'scale'" in process.stderr
    assert process.stderr.count("positions edited") == 2
