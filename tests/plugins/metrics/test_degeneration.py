"""Degenerate text, against sets and counters written out."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.metrics.scripted import scripted

from steerstack.steering.intervention import Plan
from steerstack_plugins.metrics.degeneration import Degeneration, is_word

METRIC = Degeneration()


@given(st.lists(st.sampled_from(["it", "Is", "is", "so", "Yes"]), max_size=12))
def test_repetition_is_that_of_a_counter(words):
    values = METRIC.values(" ".join(words), True)
    for n, name in ((1, "distinct_1"), (2, "distinct_2"), (3, "distinct_3"), (4, "repeated_4")):
        grams = Counter(" ".join(words[i : i + n]).lower() for i in range(len(words) - n + 1))
        if not grams:
            assert math.isnan(values[name])
        elif n < 4:
            assert values[name] == len(grams) / sum(grams.values())
        else:
            assert values[name] == pytest.approx(sum(count - 1 for count in grams.values()) / sum(grams.values()))
    assert values["empty"] == (not words)
    assert values["degenerate"] == (not words or values["repeated_4"] > 0.5)


def test_broken_texts():
    assert METRIC.values("no no no no no no no no", True)["degenerate"] == 1
    assert METRIC.values("... !!", True)["empty"] == 1
    assert METRIC.values("xkcdq zzzzzz |}{ _a_ ok", True)["non_words"] == 0.8
    assert METRIC.values("xkcdq zzzzzz |}{ _a_ ok", True)["degenerate"] == 1
    good = METRIC.values("Put the onions in a pot, add 2 litres of water, and wait.", False)
    assert (good["degenerate"], good["non_words"], good["over_long"]) == (0, 0, 1)


@pytest.mark.parametrize(
    "text",
    ["word", "don't", "(well-known)", "Café", "3.14", "1,000", "20%", "USA", "NASA's", "Привет", "水", "a", "Mr.", "1st",
     "-", "...", "“quoted”", "2x", "rhythm"],
)  # fmt: skip
def test_words(text):
    assert is_word(text)


@pytest.mark.parametrize(
    "text", ["xkcdq", "aaaaah", "{}|", "<|im_end|>x", "a" * 31, "foo_bar", "abc123def", "wёrd", "��"]
)
def test_non_words(text):
    assert not is_word(text)


def test_arms_are_measured_apart(llama):
    good, bad = Plan(), Plan()
    metric = scripted(
        Degeneration, lambda _prompt, plan: "so it is so it is so it is so" if plan is bad else "Soup wants salt."
    )
    arms = metric(limit=3).measure(llama, [good, bad])
    assert [arm.values["degenerate"].tolist() for arm in arms] == [[0, 0, 0], [1, 1, 1]]
    assert arms[0].ids == ("open-001", "open-002", "open-003")


@pytest.mark.smollm2
def test_a_random_vector_at_large_scale_breaks_the_text(smollm2):
    import torch

    from steerstack.steering.edits import Add
    from steerstack.steering.site import Site

    direction = torch.randn(smollm2.d_model, generator=torch.Generator().manual_seed(0))
    plans = [Plan(), Plan((Add(Site("resid_post", 12), direction, 10.0, True),))]
    plain, broken = Degeneration(limit=2, max_new_tokens=24).measure(smollm2, plans)
    assert plain.values["degenerate"].mean() == 0
    assert broken.values["degenerate"].mean() + broken.values["non_words"].mean() > 0.5
