"""Answers of metrics: those of the engine, all arms together, cut and kept as promised."""

import pytest
import torch

from steerstack.catalog.lookup import find
from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import Sampling, generate
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.testing.models import WIDTH
from steerstack.util import digest
from steerstack_plugins.metrics.common.generated_metric import text_of
from steerstack_plugins.metrics.degeneration import Degeneration

DIRECTION = torch.randn(WIDTH, generator=torch.Generator().manual_seed(3))
PLANS = [Plan(), Plan((Add(Site("resid_post", 1), DIRECTION, 2.0),))]
NAMES = {
    "truthfulqa-generation", "hallucination-generation", "sycophancy-answer", "sycophancy-feedback", "are-you-sure",
    "degeneration",
}  # fmt: skip


@pytest.mark.parametrize("chat", [True, False])
def test_answers_are_those_of_the_engine(tiny, chat):
    model = tiny("llama", chat)
    metric, prompts = Degeneration(max_new_tokens=5), [Prompt("Hi"), Prompt("You?", "Be kind.")]
    arms = metric.answers(model, prompts, PLANS)
    for arm, plan in zip(arms, PLANS, strict=True):
        alone = generate(model, [model.format.sequence(p) for p in prompts], [plan], Sampling(5))[0]
        assert arm.texts == tuple(model.tokenizer.decode(t, skip_special_tokens=True).strip() for t in alone.tokens)
        assert arm.ended == tuple(t[-1] == model.tokenizer.eos_token_id for t in alone.tokens)
        assert arm.edited == alone.edited.positions
    assert arms[0].texts != arms[1].texts


def test_the_next_turn_of_a_model_without_a_template_is_cut_off(tiny):
    for chat, expected in ((True, "So.\n\nHuman: And?"), (False, "So.")):
        model = tiny("llama", chat)
        tokens = model.tokenizer("So.\n\nHuman: And?", add_special_tokens=False)["input_ids"]
        assert text_of(model, tokens) == expected


def test_the_record_holds_some_answers_and_the_digest_of_all():
    record = Degeneration(keep=1).record(["a", "b"])
    assert record["answers"] == ["a"]
    assert (record["n_answers"], record["answers_digest"]) == (2, digest.of_json(["a", "b"]))


@pytest.mark.parametrize("name", sorted(NAMES - {"truthfulqa-generation", "sycophancy-feedback"}))
def test_each_runs_on_a_model_and_is_found_by_name(llama, name):
    metric = find("metric", name).make({"limit": 2, "max_new_tokens": 4})
    counts = []
    arms = metric.measure(llama, PLANS, progress=counts.append)
    assert [m.ids for m in arms] == [arms[0].ids] * 2
    assert metric.headline in arms[0].values
    assert all(len(column) == 2 for m in arms for column in m.values.values())
    assert arms[0].edited == 0 < arms[1].edited
    assert sum(counts) == sum(m.about["n_answers"] for m in arms)
