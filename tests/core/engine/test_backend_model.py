"""A model that a backend runs: the same calls, the backend's answers, and an error for what reads activations."""

import copy

import pytest
import torch
from tests.support.naive_backend import NaiveBackend

from steerstack import Item, evaluate
from steerstack.contracts import Backend, GeneratingModel
from steerstack.data.items import DataSet
from steerstack.data.prompts import Prompt
from steerstack.engine import backend_model
from steerstack.engine.backend_model import open_backend_model
from steerstack.engine.decode.sampling import Sampling
from steerstack.engine.decode.speak import speak
from steerstack.errors import ModelError, PluginError, RemoteError
from steerstack.measure.residual_norms import residual_norms
from steerstack.steering.intervention import Plan
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply
from steerstack.testing.models import WIDTH


@pytest.fixture
def opened(llama):
    """The same weights, run by a stand-in."""
    model = copy.copy(llama)
    model.backend, model.paths = NaiveBackend(llama), None
    return model


@pytest.fixture
def plans():
    vector = SteeringVector({1: torch.randn(WIDTH, generator=torch.Generator().manual_seed(1))})
    return [Plan(), apply(vector, 1, 2.0)]


def test_answers_are_the_backends_and_are_told_of(llama, opened, plans):
    prompts = [Prompt("Why?"), Prompt("And then?")]
    pieces, done = [], []
    ours = speak(llama, prompts, plans, Sampling(6))
    theirs = speak(opened, prompts, plans, Sampling(6), heard=lambda *args: pieces.append(args), progress=done.append)
    assert theirs == ours
    assert sum(done) == 4
    for arm in range(2):
        for index in range(2):
            assert "".join(text for *where, text in pieces if where == [arm, index]) == ours[index][arm].text


def test_an_evaluation_says_who_made_it(llama, opened, plans):
    items = tuple(Item(f"i{i}", f"Is {i} much?", (f"It is {i}.", "No."), 0, 1, form="text") for i in range(4))
    data = DataSet("much", items, "says that it is much", "here")
    ours, theirs = (evaluate(model, data, "text", plans[1]).to_json() for model in (llama, opened))
    assert (ours.pop("engine"), theirs.pop("engine")) == ("reference", "naive 1")
    assert ours.pop("paths") is not None
    assert theirs.pop("paths") is None
    assert theirs == ours


def test_what_reads_activations_is_refused(opened):
    with pytest.raises(ModelError, match="gives no activations") as refused:
        residual_norms(opened)
    assert refused.value.seen == "naive 1"


def test_it_is_opened_by_name_in_the_manner_asked_for(llama, monkeypatch):
    class Naive(Backend):
        name = "naive"

        def open(self, source):
            assert source == "here"
            return NaiveBackend(llama)

    monkeypatch.setattr(backend_model, "find", lambda kind, name: Naive)
    assert isinstance(NaiveBackend(llama), GeneratingModel)
    model = open_backend_model("here", backend="naive", form="A", revision=None)
    assert (model.engine, llama.engine) == ("naive 1", "reference")
    assert model.format.manner.form == "A"
    with pytest.raises(RemoteError, match="runs it elsewhere"):
        open_backend_model("here", backend="naive", remote="http://127.0.0.1:1")


def test_a_backend_that_does_not_generate_is_refused(tiny_folder):
    with pytest.raises(PluginError, match="does not generate"):
        open_backend_model(str(tiny_folder), backend="transformer-lens")
