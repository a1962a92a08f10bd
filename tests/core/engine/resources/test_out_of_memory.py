"""A device that runs out of memory is asked for less at a time, and the numbers stay."""

import pytest
import torch

from steerstack.catalog.data import load_data
from steerstack.data.prompts import Prompt
from steerstack.data.questions import contrast_pairs
from steerstack.engine.activations import PairActivations
from steerstack.engine.score import score
from steerstack.errors import ModelError
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.testing.models import WIDTH

ARMS = [Plan(), *(Plan((Add(Site("resid_post", 1), torch.ones(WIDTH), s),)) for s in (-2.0, -1.0, 1.0, 2.0))]


@pytest.fixture
def small_device(watch):
    """A function that lets a model's passes of more than so many tokens fail as a full GPU does."""

    def limit(model, tokens: int) -> list[int]:
        failed: list[int] = []

        def allocate(wanted: int) -> None:
            if wanted > tokens:
                failed.append(wanted)
                raise torch.OutOfMemoryError("CUDA out of memory (not really)")

        watch(model, allocate)
        return failed

    return limit


@pytest.mark.parametrize("architecture", ["llama", "bloom"])
@pytest.mark.parametrize("tokens", [120, 250])
def test_scores_stay(tiny, small_device, architecture, tokens):
    model = tiny(architecture)
    groups = [model.format.answers(Prompt("q" * n), ["yes", "no way"]) for n in (3, 30, 5, 12, 7)]
    expected = score(model, groups, ARMS)
    failed = small_device(model, tokens)
    counts: list[int] = []
    scores = score(model, groups, ARMS, progress=counts.append)
    assert failed
    assert sum(counts) == len(groups) * len(ARMS)
    for one, other in zip(expected, scores, strict=True):
        for group, again in zip(one.tokens, other.tokens, strict=True):
            for a, b in zip(group, again, strict=True):
                assert a == pytest.approx(b, abs=1e-5)


@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_activations_stay_in_number_and_order(tiny, table, small_device, architecture):
    model = tiny(architecture)
    pairs = contrast_pairs(model.format, load_data(table), "response")
    expected = list(PairActivations(model, pairs))
    failed = small_device(model, 500)
    batches = list(PairActivations(model, pairs))
    assert 0 < len(failed) < 5  # the smaller bound is kept for the batches that follow
    assert [len(batch.positive) for batch in batches] == [len(batch.positive) for batch in expected]
    for one, other in zip(expected, batches, strict=True):
        torch.testing.assert_close(one.positive, other.positive, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(one.negative, other.negative, atol=1e-5, rtol=1e-5)


def test_what_never_fits_is_an_error_that_says_so(llama, table, small_device):
    small_device(llama, 10)
    pairs = contrast_pairs(llama.format, load_data(table), "response")
    with pytest.raises(ModelError, match="not enough memory"):
        list(PairActivations(llama, pairs))
    groups = [llama.format.answers(Prompt("well?"), ["yes", "no way"])]
    with pytest.raises(ModelError, match="not enough memory"):
        score(llama, groups, ARMS)
