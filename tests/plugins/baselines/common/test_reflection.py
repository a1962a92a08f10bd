"""The search in which the model writes prompts: equal choices, the best by validation, and what it says of itself."""

import random
from dataclasses import replace

import numpy as np
import pytest

from steerstack.data.items import SystemPrompts
from steerstack.engine.decode.sampling import Sampling
from steerstack.measure.arm import Arm
from steerstack.study.fit_step import values_of
from steerstack.techniques.selection import CRITERION
from steerstack.testing import planted_data, planted_model
from steerstack_plugins.baselines.common.reflection import Reflection, Written, request_for
from steerstack_plugins.baselines.reflective_prompt import ReflectivePrompt

TRAIN, VALIDATION = planted_data(6), planted_data(4, first=6)


def test_it_tries_as_many_as_asked_and_uses_the_best_on_validation():
    model = planted_model()
    tuned = ReflectivePrompt(shown=2, answer_tokens=6).with_choices(4).tune(model, TRAIN, VALIDATION, seed=0)
    tried = tuned.record["tried"]
    assert (tuned.record["choices_tried"], tuned.record["criterion"], len(tried)) == (4, CRITERION, 4)
    assert tried[0]["by"] == "data"
    assert len({one["prompt"] for one in tried}) == 4
    best = max(tried, key=lambda one: one["log_odds"])
    assert tuned.system == best["prompt"]
    measured = float(np.mean(values_of(Arm(model, system=best["prompt"]), VALIDATION, "text")))
    assert best["log_odds"] == pytest.approx(measured, abs=1e-4)
    count = sum(one["by"] == "model" for one in tried)
    assert tuned.record["written"] == count
    assert ("useless here" in tuned.record["remark"]) == (best["by"] != "model")
    assert tuned.flops > 0


def found(*written):
    search = Reflection(planted_model(), TRAIN, VALIDATION, "text", 1, Sampling(1), seed=0)
    search.found = [Written(prompt, by, np.array(values)) for prompt, by, *values in written]
    return search


def test_the_record_says_where_the_model_s_own_prompts_were_useless():
    data, better, worse = ("a", "data", 1.0, 1.0), ("b", "model", 2.0, 1.0), ("c", "model", 0.0, 0.5)
    assert found(data, worse).record()["remark"].endswith("its own prompts were useless here.")
    assert found(data).record()["remark"].endswith("its own prompts were useless here.")
    assert "is the one that is used" in found(data, worse, better).record()["remark"]


def test_without_any_prompt_the_model_writes_the_first():
    bare = replace(TRAIN, prompts=SystemPrompts())
    tuned = ReflectivePrompt(choices=2, answer_tokens=6, shown=1).tune(planted_model(), bare, VALIDATION, seed=0)
    assert {one["by"] for one in tuned.record["tried"]} == {"model"}


def test_it_is_shown_the_prompt_and_both_answers_of_each_failure():
    text = request_for("Be terse.", TRAIN.items[:2])
    assert "Be terse." in text
    for item in TRAIN.items[:2]:
        assert f"{item.question}\nWanted: {item.exhibits_text}\nUnwanted: {item.contrast_text}" in text
    assert "so far" not in request_for(None, TRAIN.items[:1])


def test_the_parent_is_the_best_on_some_item():
    search = found(("a", "data", 0.0, 0.0, 9.0), ("b", "data", 1.0, 1.0, 0.0), ("c", "model", 0.5, 0.5, 8.0))
    drawing = random.Random(0)
    drawn = [search._parent(drawing) for _ in range(60)]
    assert set(drawn) == {"a", "b"}
    assert drawn.count("b") > drawn.count("a")  # by the number of items
    assert found()._parent(drawing) is None
