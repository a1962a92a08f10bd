"""Reinforcement of all weights against the paper's equation written out, on the answers that were sampled."""

import pytest
import torch
from tests.support.grpo_by_hand import Sample, optimised
from trl import GRPOTrainer

from steerstack.data.questions import ask
from steerstack.testing import planted_data
from steerstack_plugins.baselines.full_grpo import FullGRPO

TRAIN, VALIDATION = planted_data(4), planted_data(4, first=4)
STEPS, GROUP = 4, 4


@pytest.fixture
def sampled(monkeypatch):
    """What trl samples at each step: prompts and answers as token ids."""
    plain, steps = GRPOTrainer._generate_and_score_completions, []

    def listening(self, inputs):
        outputs = plain(self, inputs)
        names = ("prompt_ids", "prompt_mask", "completion_ids", "completion_mask")
        prompts, shown, answers, said = (outputs[name] for name in names)
        pairs = ((prompts, shown), (answers, said))
        steps.append([[ids[mask.bool()].tolist() for ids, mask in zip(*pair, strict=True)] for pair in pairs])
        return outputs

    monkeypatch.setattr(GRPOTrainer, "_generate_and_score_completions", listening)
    return steps


def reward(model, prompt, answer):
    """1 for the exhibiting word of the prompt's question, 0 for the other one, -1 for anything else."""
    text = model.tokenizer.decode(answer, skip_special_tokens=True).split()[:1]
    (question,) = [q for q in ask(model.format, TRAIN, "yes-no") if list(q.exhibits.ids[:-1]) == prompt]
    words = [model.tokenizer.decode(side.ids[-1:]).strip() for side in question.pair]
    return {words[0]: 1.0, words[1]: 0.0}.get(*text, -1.0) if text else -1.0


@pytest.mark.parametrize(("beta", "tokens"), [(0.0, 1), (2.0, 1), (2.0, 2)])
def test_all_weights_go_where_the_equation_sends_them(undecided, sampled, beta, tokens):
    learner = FullGRPO(
        steps=STEPS, look=STEPS, prompts=2, generations=GROUP, answer_tokens=tokens, learning_rate=3e-3, beta=beta
    )
    tuned = learner.tune(undecided, TRAIN, VALIDATION, seed=0)
    samples = [
        Sample(prompts, answers, [reward(undecided, *one) for one in zip(prompts, answers, strict=True)])
        for prompts, answers in sampled
    ]
    assert len(samples) == STEPS
    means = [sum(sample.rewards) / len(sample.rewards) for sample in samples]
    assert tuned.record["reward_by_step"] == pytest.approx(means, abs=1e-4)
    by_hand = optimised(undecided.module, samples, group=GROUP, rate=3e-3, beta=beta)
    assert tuned.record["look_chosen"] == 1  # the last step, not the model itself
    start, trained = (dict(module.named_parameters()) for module in (undecided.module, tuned.model.module))
    moved, off = (
        torch.cat([(trained[name] - origin[name]).detach().flatten() for name in start]).norm()
        for origin in (start, by_hand[-1])
    )
    assert off < 0.01 * moved
