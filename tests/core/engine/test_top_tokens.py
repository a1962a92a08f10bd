"""The likeliest tokens in the place of each answer token, against whole forward passes."""

import pytest
import torch

from steerstack.data.prompts import Prompt
from steerstack.engine.score import score
from steerstack.engine.top_tokens import likeliest
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.testing.models import WIDTH

DIRECTION = torch.randn(WIDTH, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "bloom"])
@pytest.mark.parametrize("scale", [0.0, 3.0])
def test_equals_the_whole_distribution(tiny, architecture, scale):
    model = tiny(architecture)
    plan = Plan((Add(Site("resid_post", 1), DIRECTION, scale),)) if scale else Plan()
    groups = [
        model.format.answers(Prompt(question), ["yes it is", "no"])
        for question in ("Is it?", "Was that all there was?")
    ]
    guesses = likeliest(model, groups, plan, 3)
    [scores] = score(model, groups, [plan])
    for index, group in enumerate(groups):
        for place, sequence in enumerate(group):
            positions = range(sequence.answer_start, len(sequence))
            assert [guess.logp for guess in guesses[index][place]] == scores.tokens[index][place]
            hooks = [
                model.module_at(edit.site).register_forward_hook(_steer(edit, edit.tokens.positions(sequence)))
                for edit in plan
            ]
            logp = model.module(torch.tensor([sequence.ids])).logits[0].float().log_softmax(-1)
            for hook in hooks:
                hook.remove()
            for guess, position in zip(guesses[index][place], positions, strict=True):
                values, tokens = logp[position - 1].topk(3)
                assert [token for token, _ in guess.likeliest] == tokens.tolist()
                assert [value for _, value in guess.likeliest] == pytest.approx(values.tolist(), abs=1e-4)


def _steer(edit, positions):
    def hook(_module, _args, output):
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        hidden[:, list(positions)] = edit.edit(hidden[:, list(positions)])
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    return hook
