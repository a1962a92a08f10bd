"""The engine equals the naive run, for every edit, site, token selection and architecture."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.strategies import plans

from steerstack.data.prompts import Prompt
from steerstack.engine.divergence import divergence
from steerstack.engine.score import score
from steerstack.errors import ModelError, NothingEditedError, SiteError
from steerstack.measure.neutral_text import neutral_texts
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.testing.models import ARCHITECTURES, WIDTH
from steerstack.testing.naive import naive_score

WORDS = ["yes it is", "no", "abc", "abd", "A", "B", "a rather long answer to it", "short", "ab"]


@st.composite
def groups(draw, format):
    """Items of one to three prompts, some with a common system prompt, with two answers each."""
    system = draw(st.sampled_from([None, "be kind"]))
    questions = draw(st.lists(st.text("abcdef ?", min_size=1, max_size=40), min_size=1, max_size=3))
    pairs = []
    for question in questions:
        answers = draw(st.lists(st.sampled_from(WORDS), min_size=2, max_size=2, unique=True))
        pairs.append(format.answers(Prompt(question, system), answers))
    return pairs


def assert_equals_naive(model, asked, arms, tokens=2048):
    results = score(model, asked, arms, tokens=tokens)
    for plan, scores in zip(arms, results, strict=True):
        for index, group in enumerate(asked):
            for place, sequence in enumerate(group):
                expected = naive_score(model, sequence, plan)
                assert scores.tokens[index][place] == pytest.approx(expected, abs=1e-4)


# 14 architectures x 14 draws x 1 to 4 plans: well over 200 random plans
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@settings(max_examples=14, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_random_plans_equal_the_naive_run(tiny, architecture, data):
    model = tiny(architecture)
    batch = data.draw(groups(model.format))
    arms = data.draw(st.lists(plans(), min_size=1, max_size=4))
    unsteered = [Plan()] if data.draw(st.booleans()) else []
    assert_equals_naive(model, batch, [*unsteered, *arms], tokens=data.draw(st.sampled_from([1, 100, 2048])))


@pytest.mark.parametrize("architecture", ["llama", "mistral", "bloom"])
def test_the_same_without_a_chat_template(tiny, architecture):
    model = tiny(architecture, False)
    batch = [
        model.format.labels(Prompt("Which?", prefix="("), ["A", "B"]),
        model.format.answers(Prompt("So?"), ["x", "yy"]),
    ]
    add = Add(Site("resid_post", 1), torch.ones(WIDTH), 2.0)
    assert_equals_naive(model, batch, [Plan(), Plan((add,)), Plan((add.on(Tokens("all")),))])


@pytest.mark.parametrize("architecture", ["gemma3", "mistral"])
def test_options_in_one_row_beside_a_text_beyond_the_window(tiny, architecture):
    model = tiny(architecture)
    short, long = (
        model.format.answers(Prompt("So?"), ["one", "two"]),
        model.format.answers(Prompt("So?"), ["a " * 30, "b"]),
    )
    assert len(short[0]) < 64 < len(long[0])
    assert_equals_naive(model, [short, long], [Plan(), Plan((Add(Site("resid_post", 1), torch.ones(WIDTH)),))])


def test_sequences_beyond_the_sliding_window(tiny):
    model = tiny("mistral")
    batch = [model.format.answers(Prompt("q" * 120), ["one", "another"])]
    assert_equals_naive(model, batch, [Plan(), Plan((Add(Site("resid_post", 1), torch.ones(WIDTH)),))])
    assert model.may("tree", 64)
    assert not model.may("tree", 130)


def test_order_of_arms_and_of_groups_does_not_matter(llama):
    batch = [llama.format.answers(Prompt(q), ["yes", "no way"]) for q in ("a", "bb" * 9, "c?")]
    arms = [
        Plan(),
        *(Plan((Add(Site("resid_post", layer), torch.ones(WIDTH), s),)) for layer in (0, 2) for s in (-1, 1)),
    ]
    forward = score(llama, batch, arms)
    backward = score(llama, batch[::-1], arms[::-1])[::-1]
    for one, other in zip(forward, backward, strict=True):
        for a, b in zip(one.tokens, other.tokens[::-1], strict=True):
            assert a[0] == pytest.approx(b[0], abs=1e-5)
            assert a[1] == pytest.approx(b[1], abs=1e-5)


def test_scale_zero_changes_nothing(llama):
    batch = [llama.format.answers(Prompt("well?"), ["yes", "no way"])]
    plain, zero = score(llama, batch, [Plan(), Plan((Add(Site("mlp_out", 2), torch.ones(WIDTH), 0.0),))])
    assert plain.tokens[0][0] == pytest.approx(zero.tokens[0][0], abs=1e-6)


def test_edited_positions_are_counted(llama):
    batch = [llama.format.answers(Prompt("well?"), ["yes", "no way"])]
    one = batch[0][0]
    last = Plan((Add(Site("resid_post", 1), torch.ones(WIDTH), selection=Tokens("last")),))
    response = Plan((Add(Site("resid_post", 1), torch.ones(WIDTH)),))
    scores = score(llama, batch, [Plan(), last, response])
    assert scores[0].edited.positions == 0
    assert scores[1].edited.positions == 1  # both answers share it
    assert scores[2].edited.positions == max(len(s) for s in batch[0]) - 1 - one.response_start


def test_a_plan_that_touches_nothing_is_an_error(llama):
    bare = [[TokenSequence((1, 2, 3, 4), 0, 2)]]  # its user turn is empty
    with pytest.raises(NothingEditedError, match="edited no position"):
        score(llama, bare, [Plan((Add(Site("resid_post", 1), torch.ones(WIDTH), selection=Tokens("prompt")),))])


def test_sites_and_widths_that_do_not_fit_are_refused(llama):
    batch = [llama.format.answers(Prompt("well?"), ["yes", "no way"])]
    with pytest.raises(SiteError, match="Layer 9 is out of range"):
        score(llama, batch, [Plan((Add(Site("resid_post", 9), torch.ones(WIDTH)),))])
    with pytest.raises(ModelError, match="does not fit"):
        score(llama, batch, [Plan((Add(Site("resid_post", 1), torch.ones(WIDTH + 1)),))])


def test_divergence_is_zero_unsteered_and_equals_its_definition(llama):
    texts = neutral_texts(llama.format, 2)
    texts = [TokenSequence(text.ids[:40], 1, 1) for text in texts]
    plan = Plan((Add(Site("resid_post", 1), torch.ones(WIDTH), 1.0),))
    plain, steered = divergence(llama, texts, [Plan(), plan])
    assert plain.kl == pytest.approx([0, 0], abs=1e-6)
    ids = torch.tensor([texts[0].ids])
    with torch.no_grad():
        before = llama.module(ids).logits[0, :-1].log_softmax(-1)
        hook = llama.module_at(Site("resid_post", 1)).register_forward_hook(
            lambda _m, _a, out: torch.cat([out[:, :1], out[:, 1:] + 1.0], 1)
        )
        after = llama.module(ids).logits[0, :-1].log_softmax(-1)
        hook.remove()
    assert steered.kl[0] == pytest.approx(float((after.exp() * (after - before)).sum(-1).mean()), abs=1e-4)
    entropy = -after.gather(1, ids[0, 1:, None]).mean()
    assert steered.cross_entropy[0] == pytest.approx(float(entropy), abs=1e-4)
