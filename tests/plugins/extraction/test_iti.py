"""ITI: the paper's steps written out, and what the vector does to a model."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from tests.synthetic import LAYERS, Synthetic, planted

from steerstack.catalog.data import load_data
from steerstack.engine.data_activations import DataActivations
from steerstack.steering.tokens import TokenSequence
from steerstack.techniques.apply import apply_all
from steerstack.techniques.extract import extract
from steerstack.testing.naive import naive_score
from steerstack_plugins.extraction.common.sides import sides
from steerstack_plugins.extraction.iti import ITI

HEADS, DIM = 4, 6


def paper(stream, kept, seed, kind="mass-mean"):
    """Li et al.'s code, head by head: accuracies of all heads, and the shift of those kept."""
    ordered = sides(stream)
    split = (len(stream), len(LAYERS), HEADS, DIM)
    positive, negative = (side.double().reshape(split).numpy() for side in (ordered.positive, ordered.negative))
    order = np.random.default_rng(seed).permutation(len(stream))
    held_out, train = np.split(order, [len(order) // 5])
    accuracies, probes = {}, {}
    for layer in range(len(LAYERS)):
        for head in range(HEADS):
            rows = np.concatenate([positive[train, layer, head], negative[train, layer, head]])
            probe = LogisticRegression(max_iter=5000).fit(rows, np.repeat([1, 0], len(train)))
            features = np.concatenate([positive[held_out, layer, head], negative[held_out, layer, head]])
            accuracies[layer, head] = probe.score(features, np.repeat([1, 0], len(held_out)))
            probes[layer, head] = probe.coef_[0]
    shifts = {}
    for layer, head in kept:
        theta = positive[:, layer, head].mean(0) - negative[:, layer, head].mean(0)
        if kind == "probe":
            theta = probes[layer, head]
        theta = theta / np.linalg.norm(theta)
        projected = np.concatenate([positive[:, layer, head] @ theta, negative[:, layer, head] @ theta])
        shifts[layer, head] = projected.std() * theta
    return accuracies, shifts


@pytest.mark.parametrize("kind", ["mass-mean", "probe"])
def test_is_the_papers_method(kind):
    stream, _ = planted(60, HEADS * DIM, shift=1.5, noise=1.0, component="head_out")
    fit = ITI(heads=5, seed=2, direction=kind).fit(stream)
    heads = [(LAYERS.index(row["layer"]), row["head"]) for row in fit.record["heads"]]
    accuracies, shifts = paper(stream, heads, 2, kind)
    assert len(heads) == len(set(heads)) == 5
    assert [row["accuracy"] for row in fit.record["heads"]] == [accuracies[head] for head in heads]
    assert min(accuracies[head] for head in heads) >= max(v for head, v in accuracies.items() if head not in heads)
    assert fit.component == "head_out"
    for index, layer in enumerate(LAYERS):
        expected = np.zeros((HEADS, DIM))
        for head in range(HEADS):
            expected[head] = shifts.get((index, head), 0.0)
        if expected.any():
            assert np.allclose(fit.directions[layer].numpy(), expected.reshape(-1), atol=1e-5)
        else:
            assert layer not in fit.directions


def test_finds_the_heads_in_which_the_shift_was_planted():
    stream, _ = planted(60, HEADS * DIM, shift=0.0, noise=1.0)
    planted_in = {(0, 1), (2, 3), (2, 0)}
    for layer, head in planted_in:
        stream.positive[:, LAYERS.index(layer), head * DIM : (head + 1) * DIM] += 6.0
    fit = ITI(heads=3).fit(stream)
    assert {(row["layer"], row["head"]) for row in fit.record["heads"]} == planted_in
    assert set(fit.directions) == {0, 2}
    assert not fit.directions[0][:DIM].any()
    assert bool((fit.directions[0][DIM : 2 * DIM] > 0).all())


def test_reads_the_heads_wherever_the_stream_stands():
    stream, _ = planted(20, HEADS * DIM)
    moved = Synthetic(stream.positive, stream.negative, component="head_out")
    one, other = ITI(heads=4).fit(stream), ITI(heads=4).fit(moved)
    assert all(torch.equal(one.directions[layer], other.directions[layer]) for layer in one.directions)


def test_more_heads_than_there_are_means_all():
    fit = ITI().fit(planted(20, HEADS * DIM)[0])
    assert len(fit.record["heads"]) == HEADS * len(LAYERS)


@torch.no_grad()
def shifted_by_hand(model, sequence, vector, alpha):
    """The paper's intervention: alpha sigma theta added to the input of the output projection."""
    positions = list(range(sequence.response_start, len(sequence)))

    def hook(direction):
        def add(_module, args):
            hidden = args[0].clone()
            hidden[:, positions] += alpha * direction
            return (hidden, *args[1:])

        return add

    hooks = [
        model.module_at(vector.site(layer)).register_forward_pre_hook(hook(vector[layer])) for layer in vector.layers
    ]
    logits = model.module(torch.tensor([sequence.ids])).logits[0]
    for handle in hooks:
        handle.remove()
    logp = logits.log_softmax(-1)
    return [float(logp[p - 1, sequence.ids[p]]) for p in range(sequence.answer_start, len(sequence))]


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gpt2", "bloom"])
def test_all_layers_together_are_the_intervention(tiny, table, architecture):
    model = tiny(architecture)
    vector = extract(model, load_data(table).limit(15), ITI(heads=6))
    assert vector.component == "head_out"
    assert vector.origin.position == "last"
    assert len(vector.origin.found["heads"]) == 6
    sequence = TokenSequence(tuple(range(5, 25)), 8, 15)
    steered = naive_score(model, sequence, apply_all(vector, scale=15.0))
    assert steered == pytest.approx(shifted_by_hand(model, sequence, vector, 15.0), abs=1e-4)


def test_real_heads_with_a_planted_shift_are_found(llama, table):
    real = DataActivations(llama, load_data(table), position="last", component="head_out")
    batch = real.collect()
    one = batch.negative.clone()
    one[:, 1, 8:16] += 5 * batch.negative[:, 1, 8:16].std()
    fit = ITI(heads=1).fit(Synthetic(one, batch.negative, component="head_out", layers=tuple(real.layers)))
    assert fit.record["heads"] == [{"layer": 1, "head": 1, "accuracy": 1.0}]
