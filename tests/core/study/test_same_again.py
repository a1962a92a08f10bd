"""The same study twice, with another batch size and number of threads: the same verdict, and the same numbers."""

import re

import pytest
import torch

from steerstack import Stack, open_model
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.testing.planted import planted_data

NUMBER = re.compile(r"[-+]?\d*\.\d+")


@pytest.fixture
def set_threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def shallow_model():
    """Two layers, so that two threads have little to wait for each other at."""
    module = tiny_model()
    module.model.layers = module.model.layers[:2]
    module.config.num_hidden_layers = 2
    return open_model(module, tokenizer=tiny_tokenizer())


def numbers(value):
    """Every number of a JSON value, by where it stands; strings are compared without the digits that round."""
    if isinstance(value, dict):
        return {f"{key}/{where}": leaf for key, of in value.items() for where, leaf in numbers(of).items()}
    if isinstance(value, list):
        return {f"{place}/{where}": leaf for place, of in enumerate(value) for where, leaf in numbers(of).items()}
    return {"": NUMBER.sub("#", value) if isinstance(value, str) else value}


def test_the_batch_size_and_the_threads_decide_nothing(tmp_path, monkeypatch, set_threads):
    study = Stack(
        data="agreeing", layers=(0, 1), shares=(0.4,), score="yes-no", form="A", nulls=1, neighbors=0,
        finetunes=(), few_shot=None,
    )  # fmt: skip
    model, results = shallow_model(), []
    for tokens, threads in ((2048, 1), (256, 2)):
        monkeypatch.setenv("STEERSTACK_BATCH_TOKENS", str(tokens))
        set_threads(threads)
        results.append(study.run(model, data=planted_data(16), folder=tmp_path / str(tokens)))
    one, other = (numbers({k: v for k, v in of.value.items() if "fingerprint" not in k}) for of in results)
    assert one.keys() == other.keys()
    for where, value in one.items():
        near = 1e-3 if re.search(r"/p(_holm)?/$", where) else 1e-5  # a p hangs on small differences of such numbers
        expected = pytest.approx(value, abs=near, rel=near) if isinstance(value, float) else value
        assert other[where] == expected, where
    assert NUMBER.sub("#", results[0].verdict) == NUMBER.sub("#", results[1].verdict)
