"""The distance of a model under a plan, or under a prompt, from the bare one, against plain PyTorch."""

from types import SimpleNamespace

import pytest
import torch

from steerstack.engine.distance import distances
from steerstack.engine.divergence import tokens_within
from steerstack.errors import StudyError
from steerstack.measure.neutral_text import neutral_answers
from steerstack.steering.intervention import Plan


@pytest.mark.parametrize(("ids", "tokens"), [(32_000, 384), (151_936, 220), (10_000_000, 64)])
def test_a_large_vocabulary_is_held_for_fewer_tokens(ids, tokens):
    assert tokens_within(SimpleNamespace(n_ids=ids)) == tokens


def test_the_distance_is_the_plain_one_also_under_a_prompt(llama):
    bare = neutral_answers(llama.format, 2)
    prompted = neutral_answers(llama.format, 2, system="Be kind.")
    distance, same = distances(llama, bare, [(llama, prompted, Plan()), (llama, bare, Plan())])
    assert same.kl == pytest.approx([0.0, 0.0], abs=1e-6)
    for kl, reverse, before, after in zip(distance.kl, distance.reverse, bare, prompted, strict=True):
        with torch.no_grad():
            logp = [
                llama.module(torch.tensor([text.ids])).logits[0, text.answer_start - 1 : -1].log_softmax(-1)
                for text in (before, after)
            ]
        assert kl == pytest.approx(float((logp[1].exp() * (logp[1] - logp[0])).sum(-1).mean()), rel=1e-3, abs=1e-6)
        assert reverse == pytest.approx(float((logp[0].exp() * (logp[0] - logp[1])).sum(-1).mean()), rel=1e-3, abs=1e-6)
    with pytest.raises(StudyError, match="other tokens"):
        distances(llama, bare, [(llama, list(reversed(prompted)), Plan())])
