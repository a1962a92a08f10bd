"""Windows, chunks and bounded positions, under one arm and under many: every score is that of a plain pass."""

import pytest
import torch

from steerstack.data.prompts import Prompt
from steerstack.engine.score import score
from steerstack.errors import DataError
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.testing.architectures import small_config, small_model
from steerstack.testing.models import tiny_tokenizer
from steerstack.testing.naive import naive_score
from steerstack.trace.open import open_model

ASKED = {
    "Is my plan good?": ("It is the best plan ever!", "No, one part of it is weak."),
    "Shall I go?": ("Go now", "Stay here, it rains."),
}


def opened(name, fields):
    config = small_config(name)
    for field, value in fields.items():
        setattr(config, field, value)
    return open_model(small_model(config), tokenizer=tiny_tokenizer())


@pytest.mark.parametrize(
    ("name", "fields", "arms"),
    [
        ("gpt_neo", {"window_size": 16}, 2),
        ("gpt_neo", {"window_size": 64, "max_position_embeddings": 128}, 8),
        ("gptj", {"n_positions": 128}, 12),
        ("gpt2", {"n_positions": 64}, 3),
        ("llama4_text", {"attention_chunk_size": 16}, 2),
        ("llama4_text", {"attention_chunk_size": 48}, 2),
        ("mistral", {"sliding_window": 70}, 3),
        ("gpt_oss", {"sliding_window": 16}, 2),
    ],
)
def test_scores_are_those_of_plain_passes(name, fields, arms):
    model = opened(name, fields)
    groups = [model.format.answers(Prompt(question), list(answers)) for question, answers in ASKED.items()]
    direction = torch.randn(model.d_model, generator=torch.Generator().manual_seed(1))
    plans = [Plan(), *(Plan((Add(Site("resid_post", 1), direction, float(scale)),)) for scale in range(1, arms + 1))]
    for plan, scores in zip(plans, score(model, groups, plans), strict=True):
        for values, group in zip(scores.tokens, groups, strict=True):
            for value, sequence in zip(values, group, strict=True):
                assert value == pytest.approx(naive_score(model, sequence, plan), abs=1e-4)


def test_texts_beyond_the_positions_are_refused():
    model = opened("gpt2", {"n_positions": 32})
    groups = [model.format.answers(Prompt(question), list(answers)) for question, answers in ASKED.items()]
    with pytest.raises(DataError, match="32 positions"):
        score(model, groups, [Plan()])
