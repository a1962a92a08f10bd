"""vLLM against the reference engine, on tiny models: nox -s vllm.

Collected where the environment says so: STEERSTACK_VLLM is the folder in which the models are made. vLLM has one
model open in a process at a time.
"""

import copy
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from steerstack.engine.decode.generate import Sampling, generate
from steerstack.engine.score import score
from steerstack.errors import DataError, ModelError, SiteError
from steerstack.steering.edits import Ablate, Add, Clamp, Project
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.study.crosscheck import steered_logits
from steerstack.testing.models import ARCHITECTURES, tiny_tokenizer
from steerstack.trace.check import trial_ids
from steerstack.trace.open import open_model
from steerstack_plugins.backends.vllm import Vllm
from steerstack_plugins.backends.vllm_model import steering
from steerstack_plugins.backends.vllm_model.proof import Expected, prove

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # vLLM's own
]
FAMILIES = ("llama", "qwen2")
SIZE = 2.0
REGIONS = ("prompt", "response", "last", "all")


def made(architecture):
    """Folder of a tiny model whose heads are as wide as vLLM's smallest on a CPU, with uneven norms and biases."""
    folder = Path(os.environ["STEERSTACK_VLLM"]) / architecture
    config = ARCHITECTURES[architecture]()
    config.hidden_size, config.num_attention_heads = 64, 2
    for name, value in (("head_dim", 32), ("query_pre_attn_scalar", 32), ("num_key_value_heads", 1)):
        if getattr(config, name, None) and architecture != "gpt_neox":
            setattr(config, name, value)
    config.pad_token_id = config.eos_token_id = config.bos_token_id = None
    module = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.ndim == 1:
                weight.add_(0.2 * noise)
            elif "norm" not in name:
                weight.copy_(0.15 * noise)
    module.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request):
    """The reference, and the same model by vLLM."""
    source = made(request.param)
    reference = open_model(source)
    opened = Vllm(cache_gib=0.1).open(source)
    yield reference, opened
    opened.close()


def direction(model, seed):
    drawn = torch.randn(model.d_model, generator=torch.Generator().manual_seed(seed))
    return SIZE * drawn / drawn.norm()


def added(model, seed, region="all"):
    site = Site("resid_post", model.n_layers // 2)
    return Plan((Add(site, direction(model, seed), selection=Tokens(region)),))


def arms(model):
    """All edits on all selections, one plan at several sites, and none."""
    middle, last = model.n_layers // 2, model.n_layers - 1
    post, pre, first = Site("resid_post", middle), Site("resid_pre", middle), Site("resid_post", 0)
    half = torch.stack([direction(model, seed) for seed in range(10, 10 + model.d_model // 2)])
    plans = [Plan()]
    for region in map(Tokens, REGIONS):
        plans += [
            Plan((Add(post, direction(model, 1), selection=region),)),
            Plan((Ablate(pre, direction(model, 2), selection=region),)),
            Plan((Project(first, half, selection=region),)),
            Plan((Clamp(post, direction(model, 3), 1.0, 3.0, selection=region),)),
        ]
    several = (
        Add(Site("resid_pre", 0), direction(model, 4), 0.5, selection=Tokens("all")),
        Ablate(post, direction(model, 5)),
        Clamp(post, direction(model, 7), 0.0, 0.0),
        Add(Site("attn_out", middle), direction(model, 8), 0.2),
        Add(Site("mlp_out", 0), direction(model, 8), 0.2, selection=Tokens("prompt")),
        Add(Site("resid_post", last), direction(model, 6), selection=Tokens("last")),
    )
    return [*plans, Plan(several)]


def groups(model):
    """Three prompts with two answers each."""
    ids, groups = trial_ids(model, 400), []
    for place, length in enumerate((9, 21, 70)):
        prompt = ids[80 * place : 80 * place + length]
        answers = ids[300 + 9 * place : 303 + 9 * place], ids[340 + 9 * place : 342 + 9 * place]
        groups.append([TokenSequence((*prompt, *answer), length - 3, length) for answer in answers])
    return groups


def prompts(model):
    return [group[0].cut(group[0].answer_start) for group in groups(model)]


def same(by_reference, by_vllm):
    """Whether scores are the same, to 1e-4 nats, and as many positions were edited."""
    for ours, theirs in zip(by_reference, by_vllm, strict=True):
        assert theirs.edited == ours.edited
        for one, other in zip(ours.tokens, theirs.tokens, strict=True):
            for of_answer, said in zip(one, other, strict=True):
                assert said == pytest.approx(of_answer, abs=1e-4)


# These three stand first: they open models of their own, before the one that the others share.


def test_two_processes_that_share_each_block_say_the_same():
    source = made("llama")
    reference, opened = open_model(source), Vllm(cache_gib=0.1, length=128, tensor_parallel=2).open(source)
    try:
        plans = arms(reference)
        same(score(reference, groups(reference), plans), opened.score(groups(reference), plans))
        ours = generate(reference, prompts(reference), plans[1::5], Sampling(8))
        assert opened.generate(prompts(reference), plans[1::5], Sampling(8)) == ours
        heads = Plan((Add(Site("head_out", 1), direction(reference, 1)),))
        with pytest.raises(SiteError, match="each process has a part of the heads"):
            opened.generate(prompts(reference), [heads], Sampling(2))
    finally:
        opened.close()


def test_texts_that_come_in_pieces_say_the_same():
    source = made("llama")
    reference, opened = open_model(source), Vllm(cache_gib=0.1, length=128, batch_tokens=32).open(source)
    try:
        plans = arms(reference)[1::5]
        ours = generate(reference, prompts(reference), plans, Sampling(8))
        theirs = opened.generate(prompts(reference), plans, Sampling(8))
        assert [one.tokens for one in theirs] == [one.tokens for one in ours]
        with pytest.raises(DataError, match="prompt 3 under plan 1: it is too long"):
            opened.generate(prompts(reference), plans, Sampling(59))
    finally:
        opened.close()
    with pytest.raises(ModelError, match="does not run"):
        opened.generate(prompts(reference), plans, Sampling(8))


def test_a_window_is_felt_as_by_the_reference_and_kept_to_where_it_is_not():
    source = made("gemma3")  # its window is of 64 tokens
    reference, opened = open_model(source), Vllm(cache_gib=0.1).open(source)
    try:
        plans = arms(reference)
        same(score(reference, groups(reference), plans), opened.score(groups(reference), plans))
        opened.bound(64, 1e-5, 1e-4)
        assert opened.longest > 64
        opened.bound(64, 0.18, 1e-4)
        opened.score(groups(reference)[:2], plans)
        with pytest.raises(DataError, match="it is too long") as refused:
            opened.score(groups(reference)[2:], plans)
        assert "its window, beyond which vLLM's numbers are off by 0.18 nats" in str(refused.value.seen)
    finally:
        opened.close()


def test_log_probabilities_are_those_of_the_reference(pair):
    reference, opened = pair
    assert not opened.absent
    plans = arms(reference)
    same(score(reference, groups(reference), plans), opened.score(groups(reference), plans))


def test_greedy_texts_of_64_tokens_are_those_of_the_reference_or_part_at_a_tie(pair):
    reference, opened = pair
    plans = [arms(reference)[place] for place in (0, 1, 6, 12, 13, -1)]
    ours = generate(reference, prompts(reference), plans, Sampling(64))
    theirs = opened.generate(prompts(reference), plans, Sampling(64))
    for plan, one, other in zip(plans, ours, theirs, strict=True):
        for prompt, tokens, said in zip(prompts(reference), one.tokens, other.tokens, strict=True):
            if tokens != said:
                at = next(place for place in range(64) if tokens[place] != said[place])
                text = replace(prompt, ids=(*prompt.ids, *tokens[:at]))
                logp = steered_logits(reference, text, plan)[-1].log_softmax(-1)
                assert logp[tokens[at]] - logp[said[at]] < 1e-4
    assert max(len(tokens) for one in theirs for tokens in one.tokens) == 64  # an answer may end before


def test_eight_requests_with_eight_vectors_together_are_eight_alone(pair):
    reference, opened = pair
    plans = [added(reference, 100 + seed) for seed in range(8)]
    texts = prompts(reference)[2:]
    together = [one.tokens for one in opened.generate(texts, plans, Sampling(16))]
    assert together == [opened.generate(texts, [plan], Sampling(16))[0].tokens for plan in plans]
    assert len({tokens for (tokens,) in together}) > 1
    each = opened.written_each(texts * 8, plans, Sampling(16))
    assert [one.tokens for one in each] == [tokens for (tokens,) in together]
    lengths, drawn = range(9, 16), Sampling(12, temperature=1.0, seed=5)
    (alone,) = opened.generate(texts, plans[-1:], drawn)
    mixed = opened.generate_each(texts * 8, plans, [*map(Sampling, lengths), drawn])
    assert mixed == [*(tokens[:length] for (tokens,), length in zip(together, lengths, strict=False)), *alone.tokens]


def test_a_hit_in_the_prefix_cache_never_serves_another_plans_keys(pair, monkeypatch):
    reference, opened = pair
    ids = trial_ids(reference, 150)  # vLLM keeps blocks of 128 tokens on a CPU
    long, longer = TokenSequence(tuple(ids[:143]), 140, 143), TokenSequence(tuple(ids), 147, 150)
    plans = [Plan(), *(added(reference, 7, region) for region in REGIONS), added(reference, 8)]
    texts = [long, longer]
    ours = [one.tokens for one in generate(reference, texts, plans, Sampling(4))]
    cached = []
    run = opened._runner.run

    def noted(*given, **more):
        ran = run(*given, **more)
        cached.extend(one.output.num_cached_tokens for one in ran)
        return ran

    monkeypatch.setattr(opened._runner, "run", noted)
    for order in (plans, plans[::-1]):
        tokens = [one.tokens for one in opened.generate(texts, order, Sampling(4))]
        assert tokens == (ours if order is plans else ours[::-1])
    assert min(cached[-len(plans) * 2 :]) == 128  # the second time all of them were served from the cache


def test_rows_that_were_not_edited_are_an_error_that_names_the_request(pair, monkeypatch):
    reference, opened = pair
    monkeypatch.setattr(
        steering.PlacedEdit, "touches", lambda self, position: position in self.positions and position > 2
    )
    with pytest.raises(ModelError, match="prompt 1 under plan 1, Add at resid_post") as refused:
        opened.generate(prompts(reference)[:1], [added(reference, 1)], Sampling(2))
    assert refused.value.seen == "10 rows expected, 6 edited"


def test_drawn_answers_are_drawn_again_by_the_same_seed_and_differ_by_prompt(pair):
    reference, opened = pair
    texts, sampling = prompts(reference)[:1] * 3, Sampling(12, temperature=1.0, seed=5)
    (first,) = opened.generate(texts, [Plan()], sampling)
    assert first.tokens == opened.generate(texts, [Plan()], sampling)[0].tokens
    assert len(set(first.tokens)) == 3


def test_a_text_ends_an_answer(pair):
    reference, opened = pair
    texts, plans = prompts(reference), [Plan(), added(reference, 1)]
    (whole, _) = generate(reference, texts, plans, Sampling(12))
    stop = reference.tokenizer.decode(list(whole.tokens[0][3:5]))
    ours = generate(reference, texts, plans, Sampling(12, stop=(stop,)))
    theirs = opened.generate(texts, plans, Sampling(12, stop=(stop,)))
    assert theirs == ours
    assert len(ours[0].tokens[0]) < len(whole.tokens[0])


def test_a_model_that_is_not_what_plain_passes_say_is_refused(pair):
    reference, opened = pair
    expected = Expected.of(reference)
    prove(opened, expected)
    for place, told in ((0, "unsteered"), (1, "under an edit at resid_pre.0")):
        wrong = copy.copy(expected.logp)
        wrong[place] = wrong[place] + 0.01
        with pytest.raises(ModelError, match=f"not the model itself, {told}"):
            prove(opened, replace(expected, logp=wrong))
    inner = next(place for place, plan in enumerate(expected.plans) if [s.component for s in plan.sites] == ["mlp_out"])
    wrong = copy.copy(expected.logp)
    wrong[inner] = wrong[inner] + 0.01
    try:
        prove(opened, replace(expected, logp=wrong))
        assert list(opened.absent) == ["mlp_out"]
    finally:
        opened.absent.clear()


def test_a_second_model_in_the_process_is_refused(pair):
    with pytest.raises(ModelError, match="open in this process already"):
        Vllm(cache_gib=0.1).open(made("llama"))
