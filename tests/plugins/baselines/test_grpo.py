"""GRPO: what the trainer is given, that it learns what is rewarded, and that each learner trains what it says."""

import numpy as np
import pytest
import torch

from steerstack.contracts import Rollout
from steerstack.data.questions import ask
from steerstack.engine.score import score
from steerstack.steering.intervention import Plan
from steerstack.testing import planted_data
from steerstack_plugins.baselines.common.isolation import undisturbed
from steerstack_plugins.baselines.common.layer_vectors import NAME, add_vectors, plan_of
from steerstack_plugins.baselines.common.online import AskedItems, grpo_trainer, sampled_answers
from steerstack_plugins.baselines.common.trainers import copy_of
from steerstack_plugins.baselines.full_grpo import FullGRPO
from steerstack_plugins.baselines.grpo import GRPO
from steerstack_plugins.baselines.vector_grpo import VectorGRPO
from steerstack_plugins.rewards.exact import ExactAnswer
from steerstack_plugins.rewards.log_odds import LogOdds

TRAIN, VALIDATION = planted_data(4), planted_data(4, first=4)
BUDGET = {"steps": 2, "look": 1, "prompts": 2, "generations": 4, "answer_tokens": 1}


def asked(model, data, mode="yes-no", reward=None):
    return AskedItems(data, ask(model.format, data, mode), mode, reward or ExactAnswer(), model)


def expected_reward(model, data, plan=None):
    """Mean of ``P(exhibits) - P(neither)``, by the engine."""
    questions = ask(model.format, data, "yes-no")
    (scores,) = score(model, [question.pair for question in questions], [plan or Plan()])
    chances = np.exp([[scores.total(at, side) for side in (0, 1)] for at in range(len(questions))])
    return float((chances[:, 0] - (1 - chances.sum(1))).mean())


@pytest.mark.parametrize("mode", ["yes-no", "letter"])
def test_the_trainer_is_given_the_prompts_that_scoring_uses_and_rewards_by_the_item(undecided, tmp_path, mode):
    items = asked(undecided, TRAIN, mode)
    questions = items.questions
    learner = GRPO(rank=2, prompts=2)
    with undisturbed(0):
        trainer = grpo_trainer(learner, learner.policy(undecided), items, tmp_path, rate=1e-3, seed=0)
        numbers = [str(number) for number in range(len(questions))]
        ids, images, extra = trainer._tokenize_prompts(numbers)
        assert (images, extra) == (None, {})
        assert [tuple(of) for of in ids] == [question.exhibits.ids[:-1] for question in questions]
        right, wrong = ([undecided.tokenizer.decode(q.pair[side].ids[-1:]) for q in questions] for side in (0, 1))
        (of_behaviour,) = trainer.reward_funcs
        assert of_behaviour(prompts=numbers, completions=right) == [1.0] * len(questions)
        assert of_behaviour(prompts=numbers, completions=wrong) == [0.0] * len(questions)
        assert of_behaviour(prompts=numbers, completions=["?"] * len(questions)) == [-1.0] * len(questions)
    if mode == "letter":  # each item in both orders: no letter is right more often
        assert len(questions) == 2 * len(TRAIN)
        assert right.count("A") == right.count("B")


@pytest.fixture(scope="module")
def learnt():
    """Each learner, trained with one budget."""
    from tests.plugins.baselines.conftest import undecided_model

    model = undecided_model()
    learners = (
        VectorGRPO(**BUDGET, learning_rate=1e-2),
        GRPO(**BUDGET, rank=2, learning_rate=1e-2),
        FullGRPO(**BUDGET, learning_rate=1e-3),
    )
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    results = {one.name: one.tune(model, TRAIN, VALIDATION, seed=0) for one in learners}
    after = model.module.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())  # the given model: bit for bit
    return results


@pytest.mark.parametrize("name", ["vector-grpo", "grpo", "full-grpo"])
def test_each_learns_what_is_rewarded_and_keeps_the_best_look(learnt, undecided, name):
    tuned = learnt[name]
    record = tuned.record
    looks = record["validation_reward_by_look"]
    assert record["mode"] == "yes-no"
    assert (len(looks), len(record["loss_by_step"]), len(record["reward_by_step"])) == (3, 2, 2)
    assert looks[record["look_chosen"]] == max(looks) > looks[0] + 0.2
    assert looks[0] == pytest.approx(expected_reward(undecided, VALIDATION), abs=1e-4)
    assert max(looks) == pytest.approx(expected_reward(tuned.model, VALIDATION, tuned.plan), abs=1e-3)
    assert all(-1 <= value <= 1 for value in record["reward_by_step"])
    assert record["kl_by_step"][0] == pytest.approx(0, abs=1e-6)
    assert record["kl_by_step"][1] > 1e-3  # from a reference that stays where it was
    assert (record["rollouts"], record["labels"], record["choices_tried"]) == (16, 8, 2)
    assert tuned.flops > 0


def test_what_each_trains_is_what_it_says(learnt, undecided):
    layers, width = undecided.n_layers, undecided.d_model
    vector, adapters, everything = (learnt[name] for name in ("vector-grpo", "grpo", "full-grpo"))
    assert vector.model is undecided
    assert vector.parameters == layers * width
    assert [edit.site.layer for edit in vector.plan] == list(range(layers))
    base = undecided.module.state_dict()
    changed = {
        name: {key for key, tensor in tuned.model.module.state_dict().items() if not torch.equal(tensor, base[key])}
        for name, tuned in learnt.items()
    }
    blocks = {key for key, of in undecided.module.named_parameters() if ".layers." in key and of.ndim == 2}
    assert changed["grpo"] == blocks  # merged adapters: the blocks' linear layers, and nothing else
    assert adapters.parameters == 2 * sum(sum(base[key].shape) for key in blocks)
    named = [key for key, _ in undecided.module.named_parameters()]
    assert changed["full-grpo"] >= {key for key in named if "norm" in key} | blocks
    assert everything.parameters == sum(of.numel() for of in undecided.module.parameters())


def test_the_vectors_are_trained_beside_frozen_weights_and_the_plan_adds_the_same(undecided):
    module = copy_of(undecided).requires_grad_(False)
    add_vectors(module, undecided)
    assert {name.split(".")[0] for name, of in module.named_parameters() if of.requires_grad} == {NAME}
    assert len(plan_of(module)) == 0  # zeros are no edit
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for vector in getattr(module, NAME):
            vector.copy_(0.3 * torch.randn(vector.shape, generator=generator))
    questions = ask(undecided.format, TRAIN, "yes-no")
    (scores,) = score(undecided, [question.pair for question in questions], [plan_of(module)])
    for at, question in enumerate(questions):
        expected, blocks = [], undecided.module.model.layers
        ids = torch.tensor([question.exhibits.ids])
        with torch.no_grad():
            hidden = undecided.module.model.embed_tokens(ids)
            places = torch.arange(ids.shape[1])[None]
            for block, vector in zip(blocks, getattr(module, NAME), strict=True):  # block by block, by hand
                rotary = undecided.module.model.rotary_emb(hidden, places)
                out = block(hidden, position_embeddings=rotary, position_ids=places)
                hidden = (out[0] if isinstance(out, tuple) else out) + vector
            logits = undecided.module.lm_head(undecided.module.model.norm(hidden))
            expected = logits[0, -2].log_softmax(-1)[ids[0, -1]]
            trained = module(input_ids=ids).logits[0, -2].log_softmax(-1)[ids[0, -1]]
        assert float(trained) == pytest.approx(float(expected), abs=1e-4)
        assert scores.total(at, 0) == pytest.approx(float(expected), abs=1e-4)


def test_where_the_reward_is_no_matter_of_labels_it_looks_at_sampled_answers(undecided):
    held = asked(undecided, VALIDATION, reward=LogOdds())
    learner = VectorGRPO(**BUDGET, reward="log-odds")
    assert not held.by_labels
    module = copy_of(undecided)
    first, again = (sampled_answers(module, held, learner) for _ in range(2))
    assert first == again
    assert first[0] == [number for number in range(len(VALIDATION)) for _ in range(4)]
    rollouts = [
        Rollout(held.questions[number].item, held.questions[number].item.question, text.strip())
        for number, text in zip(*first, strict=True)
    ]
    expected = np.nanmean(LogOdds().values(rollouts, VALIDATION, undecided))
    assert learner.look_at(module, held) == pytest.approx(expected, abs=1e-5)


def test_several_rates_are_a_search_and_all_of_it_is_counted(undecided):
    learner = VectorGRPO(**{**BUDGET, "steps": 1}, learning_rate=1e-2, rates=2)
    tuned = learner.tune(undecided, TRAIN, VALIDATION, seed=0)
    tried = tuned.record["tried"]
    assert [one["learning_rate"] for one in tried] == pytest.approx([1e-2 / 10**0.5, 1e-2])
    assert max(max(one["validation"]) for one in tried) == max(tuned.record["validation_reward_by_look"])
    assert (tuned.record["choices_tried"], tuned.record["rollouts"]) == (2, 16)
    wide = VectorGRPO(steps=8).with_choices(6)
    assert (wide.rates, wide.look) == (3, 4)
    assert VectorGRPO(learning_rate=1e-3).with_choices(6).rates == 1
