"""A conversation: commands change what acts, mistakes change nothing, and the history is what the model hears."""

import pytest
import torch

from steerstack import generate
from steerstack.cli.conversation import COMMANDS, Conversation
from steerstack.data.prompts import Prompt
from steerstack.engine.decode.sampling import Sampling
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claim
from steerstack.testing.models import WIDTH

VECTOR = SteeringVector({layer: torch.randn(WIDTH, generator=torch.Generator().manual_seed(layer)) for layer in (1, 2)})


@pytest.fixture
def talk(llama):
    lines, notes = [], []
    conversation = Conversation(
        llama, Claim({}, vector=VECTOR, layers=(1,), scale=1.0), Sampling(5), say=lines.append, note=notes.append
    )
    conversation.said, conversation.notes = lines, notes
    return conversation


def answer(model, plan, message, history=(), system=None):
    return generate(model, [Prompt(message, system, history=tuple(history))], [plan], max_new_tokens=5)[0][0]


def test_answers_are_those_of_generate_under_what_acts(llama, talk):
    assert talk.hear("Hi")
    first = answer(llama, VECTOR.at(1), "Hi")
    assert "".join(talk.said) == first + "\n"
    for line in ("/scale 2", "/layer 2", "/system Be brief.", "And then?"):
        assert talk.hear(line)
    second = answer(llama, VECTOR.at(2, 2.0), "And then?", [("Hi", first)], "Be brief.")
    assert talk.history == [("Hi", first), ("And then?", second)]
    talk.hear("/vector off")
    talk.hear("/again")
    assert talk.history[1] == ("And then?", answer(llama, None, "And then?", [("Hi", first)], "Be brief."))
    assert "(off)" in talk.notes[-1]
    talk.hear("/vector on")
    talk.hear("/again")
    assert talk.history[1] == ("And then?", second)


def test_comparing_says_both_and_goes_on_with_the_steered_one(llama, talk):
    talk.hear("/compare")
    talk.hear("Hi")
    bare, steered = answer(llama, None, "Hi"), answer(llama, VECTOR.at(1), "Hi")
    assert "".join(talk.said) == f"unsteered: {bare}\nsteered: {steered}\n"
    assert talk.history == [("Hi", steered)]
    talk.hear("/compare off")
    talk.hear("/forget")
    assert (talk.history, talk.compare) == ([], False)


def test_a_vector_from_a_file_takes_over(llama, talk, tmp_path):
    other = SteeringVector({3: torch.ones(WIDTH)})
    other.save(tmp_path / "w.safetensors")
    talk.hear(f"/vector {tmp_path / 'w.safetensors'}")
    assert talk.plan.fingerprint == other.at(3, 1.0).fingerprint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/scael 2", "did you mean 'scale'"),
        ("/scale", "Write /scale 2"),
        ("/scale strong", "is no number"),
        ("/scale nan", "finite"),
        ("/layer 7", "no layer 7"),
        ("/layer one", "not a list of layers"),
        ("/vector nowhere.safetensors", "no vector file"),
        ("/tokens everything", "no token selection"),
        ("/compare perhaps", "neither on nor off"),
        ("/again", "Nothing was said yet"),
        ("/temperature -1", "temperature is -1"),
        ("/length 0", "max_new_tokens is 0"),
        ("/history all", "takes nothing"),
        ("word " * 900, "too long for the model"),
    ],
)
def test_a_mistake_is_told_and_changes_nothing(talk, line, message):
    before = (talk.plan.fingerprint, talk.sampling, talk.applied.system, list(talk.history))
    assert talk.hear(line)
    assert message in talk.notes[-1]
    assert (talk.plan.fingerprint, talk.sampling, talk.applied.system, list(talk.history)) == before


def test_the_oldest_turns_make_room(talk):
    for number in range(8):
        talk.hear(f"{number} " + "word " * 150)
    assert len(talk.history) < 8
    assert talk.history[-1][0].startswith("7")
    assert any("oldest turn is forgotten" in text for text in talk.notes)


def test_every_command_is_told_and_known(talk):
    talk.hear("/help")
    assert all(f"/{name}" in talk.notes[-1] for name in COMMANDS)
    assert all(name == "quit" or hasattr(Conversation, f"_{name}") for name in COMMANDS)
    talk.hear("/history")
    assert talk.notes[-1] == "Nothing yet."
    assert not talk.hear("/quit")
    talk.applied = Claim({})
    talk.hear("/scale 2")
    assert "There is no vector" in talk.notes[-1]
    assert "unsteered" in talk.state()
