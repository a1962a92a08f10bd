"""The plans of methods with edits of their own, run by the engine and by plain hooks."""

import pytest

from steerstack.catalog.data import load_data
from steerstack.data.prompts import Prompt
from steerstack.engine.score import score
from steerstack.techniques.apply import apply, apply_all
from steerstack.techniques.extract import extract
from steerstack.testing.naive import naive_score
from steerstack_plugins.extraction.actadd import ActAdd
from steerstack_plugins.extraction.iti import ITI
from steerstack_plugins.extraction.leace import LEACE

METHODS = [ActAdd(positive="Love", negative="Hatred"), ITI(heads=5), LEACE()]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_engine_equals_naive(tiny, table, architecture, method):
    model = tiny(architecture)
    vector = extract(model, load_data(table).limit(12), method)
    everywhere = apply_all(vector, scale=3.0) if method.name == "iti" else apply(vector, 2, 1.0)
    groups = [model.format.answers(Prompt(question), ["yes it is", "no"]) for question in ("is it?", "or is it not?")]
    (scores,) = score(model, groups, [everywhere])
    for index, group in enumerate(groups):
        for place, sequence in enumerate(group):
            expected = naive_score(model, sequence, everywhere)
            assert expected != pytest.approx(naive_score(model, sequence, apply(vector, vector.layers[0], 0)), abs=1e-4)
            assert scores.tokens[index][place] == pytest.approx(expected, abs=1e-3)
