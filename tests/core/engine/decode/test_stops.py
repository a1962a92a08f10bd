"""Stop texts end an answer with the token that completes them, whatever else decodes beside it."""

import pytest
import torch

from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import Sampling, generate
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.testing.models import WIDTH

DIRECTION = torch.randn(WIDTH, generator=torch.Generator().manual_seed(3))
ARMS = [Plan(), Plan((Add(Site("resid_post", 1), DIRECTION, 3.0),))]


@pytest.mark.parametrize("architecture", ["llama", "bloom"])  # side by side, and in rows
def test_an_answer_ends_where_a_stop_text_is_complete(tiny, architecture):
    model = tiny(architecture)
    prompts = [model.format.sequence(Prompt(text)) for text in ("Hi", "What is the matter with you?", "ok")]
    free = generate(model, prompts, ARMS, Sampling(24))
    text = model.tokenizer.decode(list(free[1].tokens[0]))
    stops = (text[5:7], "not there", "")
    for arm, bounded in zip(free, generate(model, prompts, ARMS, Sampling(24, stop=stops)), strict=True):
        for whole, cut in zip(arm.tokens, bounded.tokens, strict=True):
            ends = (
                end
                for end in range(1, len(whole) + 1)
                if any(stop and stop in model.tokenizer.decode(list(whole[:end])) for stop in stops)
            )
            assert cut == whole[: next(ends, len(whole))]
    assert len(generate(model, prompts[:1], ARMS[1:], Sampling(24, stop=stops))[0].tokens[0]) < len(free[1].tokens[0])
