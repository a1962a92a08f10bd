"""On Qwen2.5-Coder-0.5B-Instruct, a chat model of 24 blocks whose unlikely tokens are very unlikely: nox -s real_model.

Collected where the environment names the model: STEERSTACK_REAL_MODEL is its GGUF file or folder.
"""

import os

import pytest
import torch

from steerstack.data.prompts import Prompt
from steerstack.engine.proof import prove
from steerstack.engine.score import score
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.testing.naive import naive_score
from steerstack.trace.open import open_model
from steerstack.trace.paths import EVERY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def qwen():
    return open_model(os.environ["STEERSTACK_REAL_MODEL"], dtype="float32")


def test_every_shortcut_gives_what_plain_passes_give(qwen):
    assert prove(qwen).used == EVERY
    groups = [qwen.format.answers(Prompt(text), ["Yes, of course.", "No."]) for text in ("Is it so?", "May I go home?")]
    arms = [Plan(), Plan((Add(Site("resid_post", 12), torch.randn(qwen.d_model, generator=torch.Generator()), 0.5),))]
    for arm, scores in zip(arms, score(qwen, groups, arms), strict=True):
        for of_group, group in zip(scores.tokens, groups, strict=True):
            for values, sequence in zip(of_group, group, strict=True):
                assert values == pytest.approx(naive_score(qwen, sequence, arm), abs=1e-3)
