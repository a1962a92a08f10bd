"""The batch size is measured once, kept, and never measured for little work."""

import itertools
import json
import shutil
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerstack.catalog.data import load_data
from steerstack.data.prompts import Prompt
from steerstack.data.questions import contrast_pairs
from steerstack.engine.activations import PairActivations
from steerstack.engine.layout.batches import TOKENS
from steerstack.engine.resources.batch_size import SIZES, Rates, batch_tokens, measure
from steerstack.engine.resources.memory import available, bytes_per_token
from steerstack.engine.score import score
from steerstack.errors import SteerstackError
from steerstack.steering.intervention import Plan

MUCH = 10 * TOKENS


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STEERSTACK_CACHE", str(tmp_path))
    monkeypatch.delenv("STEERSTACK_BATCH_TOKENS")
    return tmp_path / "batches"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A function that goes on as another process would: what is kept is found in a folder that this one never read."""

    def move(content=None):
        folder = tmp_path / "moved"
        shutil.copytree(tmp_path / "batches", folder / "batches")
        if content is not None:
            next((folder / "batches").iterdir()).write_text(content)
        monkeypatch.setenv("STEERSTACK_CACHE", str(folder))

    return move


class Measured(list):
    """Measures by finding that some size always does; holds which sizes were asked for, call by call."""

    does = 1024

    def __call__(self, _model, sizes):
        self.append(sizes)
        return {size: min(size, self.does) * 10.0 for size in sizes}


@pytest.fixture
def measured():
    return Measured()


@pytest.fixture
def asked(measured):
    """Asks for the batch size, by such a measurement."""
    return partial(batch_tokens, measure=measured)


@given(st.dictionaries(st.sampled_from(SIZES), st.floats(1, 1e6), min_size=2), st.sampled_from([0, *SIZES]))
def test_the_smallest_size_within_three_percent_of_the_best(rates, least):
    choice = Rates(rates, max(rates)).choose(least)
    tried = {size: rate for size, rate in rates.items() if size >= least} or {max(rates): rates[max(rates)]}
    best = max(tried.values())
    assert tried[choice] >= 0.97 * best
    assert all(rate < 0.97 * best for size, rate in tried.items() if size < choice)


def test_too_few_rates_choose_nothing():
    assert Rates({512: 10.0}, 8192).choose() == TOKENS
    assert Rates({512: 10.0}, 1024).choose() == 1024
    assert Rates({512: 10.0, 1024: 11.0}, 8192).choose(TOKENS) == TOKENS


def test_the_choice_is_measured_once_and_kept_between_processes(llama, cache, measured, asked, elsewhere):
    assert [asked(llama, MUCH) for _ in range(3)] == [1024] * 3
    elsewhere()
    assert asked(llama, MUCH) == 1024
    assert len(measured) == 1
    (path,) = cache.iterdir()
    record = json.loads(path.read_text())
    assert record["largest"] == 8192
    assert list(record["tokens_per_second"]) == [str(size) for size in measured[0]]


def test_each_model_has_its_own_choice(llama, tiny, cache, measured, asked):
    asked(llama, MUCH)
    asked(tiny("gpt2"), MUCH)
    assert len(measured) == len(list(cache.iterdir())) == 2


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"tokens_per_second": {}, "largest": 512}',
        '{"tokens_per_second": {"512": 0}, "largest": 512}',
        '{"tokens_per_second": {"many": 1}, "largest": 512}',
        '{"tokens_per_second": {"512": 1}}',
    ],
)
def test_a_damaged_file_is_measured_again(llama, cache, measured, asked, elsewhere, content):
    asked(llama, MUCH)
    elsewhere(content)
    assert asked(llama, MUCH) == 1024
    assert len(measured) == 2


def test_a_cache_that_cannot_be_written_is_no_error(llama, cache, measured, asked, caplog):
    cache.write_text("a file where the folder would be")
    assert [asked(llama, MUCH) for _ in range(2)] == [1024] * 2
    assert len(measured) == len(caplog.records) == 1


def test_scoring_never_asks_for_less_than_the_default(llama, cache, measured, asked, watch):
    measured.does = 512
    assert asked(llama, MUCH, least=TOKENS) == TOKENS
    questions = [llama.format.answers(Prompt(f"{n}" * 200), ["yes", "no way"]) for n in range(10)]
    passes: list[int] = []
    watch(llama, passes.append, layers=[0])
    score(llama, questions, [Plan()])
    assert 512 < max(passes) <= TOKENS < sum(passes)
    assert asked(llama, MUCH) == 512


def test_little_work_is_not_worth_measuring(llama, cache, measured, asked):
    assert asked(llama, TOKENS) == TOKENS
    assert not measured
    assert not cache.exists()


def test_the_environment_decides_first(llama, cache, measured, asked, monkeypatch):
    monkeypatch.setenv("STEERSTACK_BATCH_TOKENS", "777")
    assert asked(llama, MUCH) == 777
    assert not measured
    for wrong in ("0", "-5", "lots", "1.5"):
        monkeypatch.setenv("STEERSTACK_BATCH_TOKENS", wrong)
        with pytest.raises(SteerstackError, match="not a number of tokens"):
            asked(llama, MUCH)


def test_only_what_fits_the_memory_is_tried(llama, cache, measured, asked, tiny):
    asked(llama, MUCH, memory=2048 * bytes_per_token(llama))
    asked(tiny("gpt2"), MUCH, memory=1)
    assert measured == [(512, 1024, 2048), (512,)]
    assert available(llama.device) > 100_000_000


def test_a_measurement_is_a_rate_for_each_size_and_stops_in_time(llama):
    frozen = measure(llama, (512, 1024), clock=lambda: 0.0)  # passes that take no time at all
    assert set(frozen) == {512, 1024}
    assert all(rate > 0 for rate in frozen.values())
    ticks = itertools.count()
    slow = measure(llama, SIZES, clock=lambda: float(next(ticks)))  # every pass takes a second
    assert set(slow) == {512}


def test_a_stream_runs_the_batches_that_were_measured(llama, table, cache, asked, elsewhere):
    asked(llama, MUCH)
    elsewhere()
    pairs = contrast_pairs(llama.format, load_data(table), "answer")
    stream = PairActivations(llama, pairs)
    sizes = [len(batch.positive) for batch in stream]
    assert stream.tokens == 1024
    assert sizes == [len(batch.positive) for batch in PairActivations(llama, pairs, tokens=1024)]
