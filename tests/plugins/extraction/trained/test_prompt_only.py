"""Prompt-only vectors: trained as the paper's steps written out, and acting at the prompt's ends alone."""

import pytest
import torch
from torch.nn.functional import softplus

from steerstack.catalog.data import load_data
from steerstack.data.questions import ask
from steerstack.engine.score import score
from steerstack.errors import ParameterError, SiteError, VectorError
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply
from steerstack.techniques.extract import extract
from steerstack.techniques.selection import Candidates
from steerstack.testing.naive import naive_score
from steerstack_plugins.extraction.trained.prompt_only import PromptOnly


def ends(sequence, first, last):
    """Which positions are edited, as the paper says: the first and the last tokens of the prompt."""
    prompt = list(range(sequence.answer_start))
    return sorted({*prompt[:first], *prompt[len(prompt) - last :]})


@pytest.mark.parametrize("objective", ["language", "preference"])
def test_training_is_the_papers_steps_written_out(llama, table, objective):
    data, layer, rate, factor_rate = load_data(table).limit(3), 1, 0.2, 0.05
    method = PromptOnly(layer=layer, epochs=3, batch=3, objective=objective, first=1, last=2)
    vector = extract(llama, data, method)

    questions = ask(llama.format, data, "text")
    states = [llama.module(torch.tensor([q.exhibits.ids]), output_hidden_states=True).hidden_states for q in questions]
    norm = float(torch.cat([state[layer + 1][0, 1:].detach().norm(dim=-1) for state in states]).median())
    w = torch.randn(32, generator=torch.Generator().manual_seed(0))
    w, a = (w / w.norm()).requires_grad_(), torch.tensor(0.5 * norm, requires_grad=True)

    def log_p(sequence, steered):
        mask = torch.zeros(len(sequence), 1)
        mask[ends(sequence, 1, 2)] = 1
        hook = llama.module.model.layers[layer].register_forward_hook(
            lambda _m, _i, out: out + steered * mask * (a * w)
        )
        logits = llama.module(torch.tensor([sequence.ids])).logits[0].log_softmax(-1)
        hook.remove()
        return sum(logits[p - 1, sequence.ids[p]] for p in range(sequence.answer_start, len(sequence)))

    def loss_of(question):
        c, o = question.exhibits, question.contrast
        if objective == "language":
            return -log_p(c, 1) / answer_tokens
        weight = max(float((log_p(o, 0) - log_p(c, 0)).detach()), 1)
        margin = weight / (len(c) - c.answer_start) * log_p(c, 1) - log_p(o, 1) / (len(o) - o.answer_start)
        return softplus(-margin) / 3  # -log sigmoid, without overflow

    answer_tokens = sum(len(q.exhibits) - q.exhibits.answer_start for q in questions)
    optimiser = torch.optim.Adam([{"params": [w], "lr": rate / 32**0.5}, {"params": [a], "lr": factor_rate * norm}])
    rates = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / 3)
    losses = []
    for _ in range(3):
        optimiser.zero_grad()
        loss = sum(loss_of(question) for question in questions)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([w], 1.0)
        optimiser.step()
        rates.step()
        losses.append(float(loss.detach()))
    record = vector.origin.found
    assert record["loss"] == pytest.approx(losses, rel=1e-3)
    assert losses[-1] < losses[0]
    assert record["factor"] == pytest.approx(float(a.detach()), rel=1e-3)
    torch.testing.assert_close(vector[layer], (a * w).detach(), rtol=1e-2, atol=1e-2 * float(vector[layer].norm()))


@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_it_acts_at_the_prompts_ends_and_at_no_other_token(tiny, architecture, table):
    model, data = tiny(architecture), load_data(table).limit(4)
    vector = extract(model, data, PromptOnly(epochs=1, first=2, last=1))
    plan = apply(vector, 1, 1.0, tokens=Tokens("response"))
    pair = ask(model.format, data, "text")[0].pair
    assert [list(edit.tokens.positions(pair[0])) for edit in plan.edits] == [ends(pair[0], 2, 1)]
    (scores,) = score(model, [pair], [plan])
    for side, sequence in enumerate(pair):
        assert scores.tokens[0][side] == pytest.approx(naive_score(model, sequence, plan), abs=1e-3)
    assert not Tokens.at(0, 1, -1).includes_generated


def test_the_strength_is_trained_and_no_other_is_tried(llama, table):
    method = PromptOnly(epochs=1)
    vector = extract(llama, load_data(table).limit(4), method)
    tried = Candidates().of(llama, vector, method)
    assert [(one.layers, one.scale) for one in tried] == [((1,), 1.0)]


def test_a_saved_vector_keeps_its_positions(llama, table, tmp_path):
    vector = extract(llama, load_data(table).limit(4), PromptOnly(epochs=1, last=3))
    vector.save(tmp_path / "v.safetensors")
    loaded = SteeringVector.load(tmp_path / "v.safetensors")
    assert apply(loaded, 1).fingerprint == apply(vector, 1).fingerprint
    assert loaded.part("positions", 1).tolist() == [0, 1, -3, -2, -1]


def test_what_cannot_be_is_refused(llama, table):
    data = load_data(table).limit(4)
    with pytest.raises(ParameterError, match="edits no token"):
        extract(llama, data, PromptOnly(first=0, last=0))
    vector = extract(llama, data, PromptOnly(epochs=1))
    with pytest.raises(SiteError, match="out of range"):
        apply(vector, 1).edits[0].tokens.positions(TokenSequence((5,), 1, 1))
    broken = SteeringVector(vector.directions, edit=vector.edit, parts={"positions": {1: torch.tensor([0.5])}})
    with pytest.raises(VectorError, match="whole numbers"):
        apply(broken, 1)
