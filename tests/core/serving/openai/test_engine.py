"""A backend that generates, behind the same server: texts that end an answer, and what is read from its logits."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest
import torch
from tests.support.naive_backend import NaiveBackend
from tests.support.wait import until

from steerstack.engine.decode.sampling import Sampling
from steerstack.errors import PluginError
from steerstack.serving.openai.engine import BackendEngine, ReferenceEngine
from steerstack.serving.openai.serve import open_engine
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply
from steerstack.testing.models import WIDTH


@pytest.fixture
def engines(llama):
    return ReferenceEngine(llama), BackendEngine(NaiveBackend(llama))


@pytest.fixture
def plans():
    vector = SteeringVector({1: torch.randn(WIDTH, generator=torch.Generator().manual_seed(1))})
    return [Plan(), apply(vector, 1, 2.0)]


PROMPTS = [TokenSequence((40, 50, 60, 70), 3, 4), TokenSequence((80, 90), 1, 2)]


def test_what_is_read_is_the_same(engines, plans):
    texts = [TokenSequence((40, 50, 60, 70, 80, 90), 2, 4), TokenSequence((80, 90, 100), 1, 2), PROMPTS[1]]
    for plan in plans:
        ours, theirs = (engine.read(texts, [1, 2, 2], plan, 3, lambda: None) for engine in engines)
        assert [len(of) for of in ours] == [len(of) for of in theirs] == [5, 1, 0]
        for a, b in zip(chain(*ours), chain(*theirs), strict=True):
            assert a.logp == pytest.approx(b.logp, abs=1e-5)
            assert [token for token, _ in a.likeliest] == [token for token, _ in b.likeliest]
            np.testing.assert_allclose([v for _, v in a.likeliest], [v for _, v in b.likeliest], atol=1e-5)


def test_a_text_ends_an_answer_all_the_same(engines, plans, llama):
    whole = engines[0].generate(PROMPTS, plans[1], Sampling(12), lambda: None)
    stop = llama.tokenizer.decode(list(whole[0][2:4]))
    ours, theirs = (engine.generate(PROMPTS, plans[1], Sampling(12, stop=(stop,)), lambda: None) for engine in engines)
    assert ours == theirs
    assert len(ours[0]) < len(whole[0])


class Counting(NaiveBackend):
    """Notes how many prompts are handed to it at once; the first call waits."""

    def __init__(self, model):
        super().__init__(model)
        self.sizes, self.go_on = [], threading.Event()

    def generate_each(self, prompts, plans, samplings):
        self.sizes.append(len(prompts))
        if len(self.sizes) == 1:
            self.go_on.wait()
        return super().generate_each(prompts, plans, samplings)


def test_requests_that_wait_are_handed_over_together(llama, plans):
    backend = Counting(llama)
    engine, reference = BackendEngine(backend), ReferenceEngine(llama)
    asked = [([PROMPTS[0]], plans[0], 3), (PROMPTS, plans[1], 5), ([PROMPTS[1]], plans[0], 4)]
    with ThreadPoolExecutor(engine.together) as threads:
        answers = []
        for prompts, plan, new in asked:
            answers.append(threads.submit(engine.generate, prompts, plan, Sampling(new), lambda: None))
            until(lambda: backend.sizes, "the first request")
        until(lambda: engine.waiting == 2, "the others")
        backend.go_on.set()
        for (prompts, plan, new), answer in zip(asked, answers, strict=True):
            assert answer.result() == reference.generate(prompts, plan, Sampling(new), lambda: None)
    assert backend.sizes == [1, 3]


def test_work_that_nobody_waits_for_ends(engines, plans):
    calls = []

    def alive():
        calls.append(None)
        if len(calls) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        engines[0].generate(PROMPTS, plans[0], Sampling(12), alive)


def test_what_cannot_be_opened(tiny_folder):
    with pytest.raises(PluginError, match="no backend"):
        open_engine(str(tiny_folder), parameters={"length": 5})
    with pytest.raises(PluginError, match="does not generate"):
        open_engine(str(tiny_folder), backend="transformer-lens")
