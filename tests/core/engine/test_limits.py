"""A text longer than the model's positions is refused by name, with its tokens and the limit, on every path."""

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config

from steerstack.data.questions import ContrastPair, Read
from steerstack.engine.activations import PairActivations
from steerstack.engine.decode.generate import generate
from steerstack.engine.decode.sampling import Sampling
from steerstack.engine.divergence import divergence
from steerstack.engine.gradients import differentiable
from steerstack.engine.score import score
from steerstack.engine.top_tokens import likeliest
from steerstack.errors import DataError
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.testing.models import tiny_tokenizer
from steerstack.trace.open import open_model


@pytest.fixture(scope="module")
def short():
    """A GPT-2 of 64 positions."""
    torch.manual_seed(0)
    config = GPT2Config(
        n_embd=32, n_layer=2, n_head=4, vocab_size=300, n_positions=64, bos_token_id=None, eos_token_id=None
    )
    return open_model(AutoModelForCausalLM.from_config(config).eval(), tokenizer=tiny_tokenizer())


def text(tokens):
    return TokenSequence(tuple(range(1, tokens + 1)), tokens - 4, tokens - 2)


def test_what_fits_runs_and_what_does_not_is_named(short):
    assert len(score(short, [[text(65)]], [Plan()])[0].tokens[0][0]) == 2  # the last token is scored, not run
    with pytest.raises(DataError, match=r"(?s)Item 'q7' is too long for .*: 70 tokens, 64 positions.*Shorten"):
        score(short, [[text(9)], [text(70)]], [Plan()], names=["q1", "q7"])
    pairs = [ContrastPair(f"p{n}", Read(text(n), (n - 1,)), Read(text(9), (8,))) for n in (9, 70)]
    with pytest.raises(DataError, match=r"Item 'p70' is too long for .*: 70 tokens, 64 positions"):
        list(PairActivations(short, pairs))
    for run in (
        lambda: likeliest(short, [[text(70)]], Plan()),
        lambda: divergence(short, [text(70)], [Plan()]),
        lambda: differentiable(short, [text(70)], Plan()),
    ):
        with pytest.raises(DataError, match=r"70 tokens, 64 positions"):
            run()


def test_an_answer_must_fit_too(short):
    prompts = [TokenSequence(tuple(range(1, 61)), 58, 60)]
    (reply,) = generate(short, prompts, [Plan()], Sampling(5))
    assert len(reply.tokens[0]) == 5
    with pytest.raises(DataError, match=r"(?s)60 tokens with 6 to be generated, 64 positions.*at most 5 tokens"):
        generate(short, prompts, [Plan()], Sampling(6))


def test_a_token_that_the_embedding_lacks_is_named(short):
    with pytest.raises(
        DataError, match=r"(?s)Item '1' has a token that the embedding.*token id 300, an embedding of 300"
    ):
        score(short, [[TokenSequence((1, 2, 300, 4), 2, 3)]], [Plan()])
