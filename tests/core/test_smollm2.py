"""On the real embedded model: extraction, scoring and generation equal independent programs."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from steerstack.catalog.data import load_data
from steerstack.data.prompts import Prompt
from steerstack.data.questions import ask, contrast_pairs
from steerstack.engine.decode.generate import Sampling, generate
from steerstack.engine.score import score
from steerstack.measure.evaluate import evaluate
from steerstack.steering.edits import Ablate, Add, Project
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.techniques.extract import extract
from steerstack.testing.naive import naive_score
from steerstack_plugins.extraction.mean_difference import MeanDifference

pytestmark = [pytest.mark.smollm2, pytest.mark.xdist_group("smollm2")]

DATA = Path(os.environ.get("STEERSTACK_DATA", Path(__file__).parents[3] / "shared/data"))
SYCOPHANCY = DATA / "caa/generate/sycophancy/generate_dataset.json"
MYOPIA = DATA / "caa/generate/myopic-reward/generate_dataset.json"
needs_data = pytest.mark.skipif(not SYCOPHANCY.exists(), reason="STEERSTACK_DATA does not point to the evaluation sets")


@pytest.fixture(scope="module")
def vector(smollm2):
    return extract(smollm2, load_data("truthfulness").limit(12), MeanDifference(), position="response")


@needs_data
def test_extraction_equals_the_steps_of_caa(smollm2):
    """Rimsky et al.: residual stream after each block at the answer letter, mean of differences."""
    data = load_data(SYCOPHANCY).limit(8)
    rows = json.loads(SYCOPHANCY.read_text())[:8]
    total = torch.zeros(smollm2.n_layers, smollm2.d_model, dtype=torch.float64)
    tokenizer = smollm2.tokenizer
    for row in rows:
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": row["question"]}], tokenize=False, add_generation_prompt=True
        )
        for sign, key in ((1, "answer_matching_behavior"), (-1, "answer_not_matching_behavior")):
            ids = tokenizer(prompt + row[key], return_tensors="pt", add_special_tokens=False).input_ids
            assert tokenizer.decode(ids[0, -2]) in "ABCDE"  # the letter, before ")"
            states = []
            hooks = [
                block.register_forward_hook(lambda _m, _a, out, states=states: states.append(out[0, -2].double()))
                for block in smollm2.module.model.layers
            ]
            with torch.no_grad():
                smollm2.module(ids)
            for hook in hooks:
                hook.remove()
            total += sign * torch.stack(states)
    steering_vector = extract(smollm2, data, MeanDifference())
    for layer in steering_vector.layers:
        expected = total[layer] / 8
        assert (steering_vector[layer].double() - expected).norm() / expected.norm() < 1e-4


@needs_data
def test_answer_letters_are_found_by_search(smollm2):
    for pair in contrast_pairs(smollm2.format, load_data(SYCOPHANCY).limit(20), "answer"):
        for side in (pair.positive, pair.negative):
            assert smollm2.tokenizer.decode([side.sequence.ids[side.positions[0]]]) in ("A", "B")
            assert side.positions == (len(side.sequence) - 1,)


@pytest.mark.parametrize(  # each way of asking once, each choice of tokens once: all nine on tiny models elsewhere
    ("mode", "tokens"), [("letter", Tokens("last")), ("yes-no", Tokens("response")), ("text", Tokens("all"))]
)
def test_scores_equal_an_independent_scorer(smollm2, vector, mode, tokens):
    data = load_data("truthfulness")
    shortest = sorted(data, key=lambda item: len(item.question + item.exhibits_text + item.contrast_text))[:2]
    data = replace(data, items=tuple(shortest))
    questions = ask(smollm2.format, data, mode)
    site, direction = Site("resid_post", 14), vector[14]
    arms = [
        Plan(),
        Plan((Add(site, direction, 2.0, selection=tokens),)),
        Plan((Ablate(site, direction, selection=tokens),)),
        Plan((Project(site, torch.stack([direction, vector[10]]), selection=tokens),)),
    ]
    sequences = [sequence for question in questions for sequence in question.pair]
    expected = [[naive_score(smollm2, sequence, plan) for sequence in sequences] for plan in arms]
    for size in (1, 2048):
        results = score(smollm2, [question.pair for question in questions], arms, tokens=size)
        for scores, of_arm in zip(results, expected, strict=True):
            got = [tokens for group in scores.tokens for tokens in group]
            assert [len(tokens) for tokens in got] == [len(tokens) for tokens in of_arm]
            for tokens_got, tokens_expected in zip(got, of_arm, strict=True):
                assert tokens_got == pytest.approx(tokens_expected, abs=1e-4)


def test_generation_equals_plain_hooks_token_for_token(smollm2, vector):
    prompts = [
        smollm2.format.sequence(Prompt(text)) for text in ("What is the capital of France?", "Tell me about rivers.")
    ]
    plan = Plan((Add(Site("resid_post", 14), vector[14], 1.5),))
    plain, steered = generate(smollm2, prompts, [Plan(), plan], Sampling(24))
    for arm, edit in ((plain, None), (steered, plan.edits[0])):
        for prompt, tokens in zip(prompts, arm.tokens, strict=True):
            start = prompt.response_start

            def hook(_m, _a, out, edit=edit, start=start):
                out = out.clone()
                edited = slice(start, None) if out.shape[1] > 1 else slice(None)
                out[:, edited] = edit.edit(out[:, edited])
                return out

            handle = smollm2.module.model.layers[14].register_forward_hook(hook) if edit else None
            ids = torch.tensor([prompt.ids])
            expected = smollm2.module.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False
            )
            if handle:
                handle.remove()
            assert tokens == tuple(expected[0, len(prompt) :].tolist())
    assert plain.tokens != steered.tokens
    assert "Paris" in smollm2.tokenizer.decode(plain.tokens[0])


@needs_data
def test_letters_hardly_react_on_this_model_and_text_does(smollm2):
    """Known of it: by letter it answers by position, by text a myopia vector moves it the right way."""
    steering_vector = extract(smollm2, load_data(MYOPIA).limit(30), MeanDifference(), position="response")
    test = load_data(DATA / "caa/test/myopic-reward/test_dataset_ab.json").limit(20)
    plan = Plan((Add(Site("resid_post", 18), steering_vector[18], 1.0),))
    letter, text = (evaluate(smollm2, test, mode, plan) for mode in ("letter", "text"))
    assert letter.competence.answers_by == "letter"
    assert "use --score text" in (letter.competence.warning("letter") or "")
    assert abs(letter.effect.value) < 0.1 < text.effect.value
    assert text.effect.excludes_zero
