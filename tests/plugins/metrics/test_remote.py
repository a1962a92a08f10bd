"""Every extractor, edit, baseline and metric that is installed, on a model whose calls travel as to a server.

The catalog says what there is, so a new method is covered as soon as it is registered.
"""

import numpy as np
import pytest
import torch
from tests.plugins.extraction.test_contracts import autoencoder

from steerstack.catalog.manager import plugins
from steerstack.contracts import OnlineLearner
from steerstack.data.questions import contrast_pairs
from steerstack.engine import fit
from steerstack.engine.score import score
from steerstack.errors import RemoteError
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply
from steerstack.techniques.extract import extract
from steerstack.testing.models import LAYERS, WIDTH
from steerstack.testing.planted import planted_data, planted_model
from steerstack.trace.open import open_model

DATA = planted_data(6)
QUICK = {
    "actadd": {"positive": "Love", "negative": "Hate"},
    "bipo": {"epochs": 1},
    "melbo": {"steps": 3},
    "persona": {"temperature": 0, "max_new_tokens": 4},
    "reft-r1": {"epochs": 4, "learning_rate": 0.2, "l1": 0},
    "supervised": {"epochs": 1},
    "clamp": {"low": -0.5, "high": 0.5},
    "gate": {"threshold": 0.1},
    "peft-adapter": {"path": "nowhere"},
    "rank1-reft": {"epochs": 1},
    "reflective-prompt": {"choices": 2, "answer_tokens": 4, "shown": 1},
    "sycophancy-feedback": {"judge": "self", "judge_parameters": {"model": "measured", "least_mass": 0}},
    "truthfulqa-generation": {"judge": "self", "judge_parameters": {"model": "measured", "least_mass": 0}},
}
"""Parameters with which a method is quick, or without which it is none."""


def made(name, cls):
    """A method; one that needs parameters needs a line in QUICK."""
    few = {key: value for key, value in {"limit": 3, "max_new_tokens": 4}.items() if key in cls.model_fields}
    own = {"path": autoencoder().name, "feature": 3} if name == "sae" else QUICK.get(name, {})
    return cls.make({**few, **own})


def offered(kind):
    return [
        pytest.param(lambda name=name, cls=cls: made(name, cls), id=name)
        for name, cls in plugins().offers(kind).items()
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place, model = tmp_path_factory.mktemp("planted"), planted_model()
    model.module.save_pretrained(place)
    model.tokenizer.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def here(folder):
    return open_model(folder)


@pytest.fixture(scope="module")
def there(folder):
    return open_model(folder, remote="local")


@pytest.fixture(scope="module")
def groups(here):
    pairs = contrast_pairs(here.format, DATA.limit(2), "answer")
    return [[pair.positive.sequence, pair.negative.sequence] for pair in pairs]


def same_scores(found, expected):
    for one, other in zip(found, expected, strict=True):
        for group, rows in zip(one.tokens, other.tokens, strict=True):
            for sequence, row in zip(group, rows, strict=True):
                assert sequence == pytest.approx(row, abs=1e-4)
        assert one.edited == other.edited


@pytest.mark.parametrize("method", offered("extractor"))
def test_an_extractor(here, there, method):
    method = method()
    vector, expected = (extract(model, DATA, method, store=None) for model in (there, here))
    assert vector.layers == expected.layers
    assert (vector.edit, vector.component) == (expected.edit, expected.component)
    for layer in expected.layers:
        assert torch.allclose(vector[layer], expected[layer], atol=1e-4 * float(expected[layer].norm()) + 1e-6)


@pytest.mark.parametrize("edit", offered("edit"))
def test_an_edit(here, there, groups, edit):
    edit = edit()
    drawn = torch.randn(LAYERS, 8, WIDTH, generator=torch.Generator().manual_seed(0)).unbind()
    names = ("reader", "mean", "condition", "axis")
    parts = {name: {layer: drawn[layer][at] for layer in range(LAYERS)} for at, name in enumerate(names)}
    aligned = {layer: drawn[layer][4:6] for layer in range(LAYERS)}
    ends = dict.fromkeys(range(LAYERS), torch.tensor([0.0, -1.0]))
    directions = {layer: drawn[layer][7] for layer in range(LAYERS)}
    vector = SteeringVector(directions, parts={**parts, "aligned": aligned, "positions": ends})
    plan = apply(vector, 1, 1.0, tokens=Tokens("all"), edit=edit)
    before = there.remote.requests
    scores = score(there, groups, [Plan(), plan])
    assert there.remote.requests == before + 1
    same_scores(scores, score(here, groups, [Plan(), plan]))


@pytest.mark.parametrize("baseline", offered("baseline"))
def test_a_baseline(here, there, groups, baseline):
    baseline = baseline()
    if baseline.trains or isinstance(baseline, OnlineLearner):
        with pytest.raises(RemoteError, match="cannot be trained from here"):
            fit.tuned(baseline, there, DATA, DATA, seed=0)
        return
    result, expected = (fit.tuned(baseline, model, DATA, DATA, seed=0) for model in (there, here))
    assert result.model is there
    assert (result.system, result.shots, result.context_tokens) == (
        expected.system, expected.shots, expected.context_tokens,
    )  # fmt: skip
    same_scores(score(there, groups, [result.plan or Plan()]), score(here, groups, [expected.plan or Plan()]))


@pytest.mark.parametrize("metric", offered("metric"))
def test_a_metric(here, there, metric):
    metric = metric()
    direction = SteeringVector({1: torch.randn(WIDTH, generator=torch.Generator().manual_seed(1))})
    arms = [Plan(), apply(direction, 1, 1.0, tokens=Tokens("all"))]
    measurements, expected = (metric.measure(model, arms) for model in (there, here))
    for one, other in zip(measurements, expected, strict=True):
        assert (one.ids, one.edited) == (other.ids, other.edited)
        assert set(one.values) == set(other.values)
        for name in other.values:
            assert np.allclose(one.values[name], other.values[name], atol=1e-4, equal_nan=True)
