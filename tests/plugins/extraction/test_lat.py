"""LAT: the reading vector, against the steps of the paper's code."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA as SklearnPCA
from tests.synthetic import LAYERS, cosines, on_model, planted

from steerstack.catalog.data import load_data
from steerstack.data.shuffle import half
from steerstack.techniques.extract import extract
from steerstack_plugins.extraction.common.sides import sides
from steerstack_plugins.extraction.lat import LAT


@pytest.mark.parametrize("pairs", [2, 3, 96])
def test_a_planted_direction_is_found(pairs):
    stream, directions = planted(pairs, noise=0.1)
    assert min(cosines(LAT().fit(stream).directions, dict(zip(LAYERS, directions, strict=True)))) > 0.95


@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_a_planted_direction_is_found_in_real_activations(tiny, table, architecture):
    pairs, directions = on_model(tiny(architecture), load_data(table))
    assert min(cosines(LAT().fit(pairs).directions, directions)) > 0.95


def repe(positive, negative, exchanged):
    """``PCARepReader`` of the paper's code with its pipeline's differences, for one layer.

    ``exchanged`` says which pairs were shuffled the other way round; the label of a pair is
    then the place of its positive side.
    """
    first = np.where(exchanged[:, None], negative, positive)
    second = np.where(exchanged[:, None], positive, negative)
    relative = first - second
    direction = SklearnPCA(n_components=1, whiten=False).fit(relative - relative.mean(0)).components_[0]
    hidden = np.stack([first, second], 1).reshape(-1, positive.shape[1])
    projected = ((hidden - hidden.mean(0)) @ direction).reshape(-1, 2)
    label = exchanged.astype(int)
    at_label = projected[np.arange(len(label)), label]
    sign = np.sign(np.mean(at_label == projected.max(1)) - np.mean(at_label == projected.min(1)))
    return direction * (sign or 1)


@pytest.mark.parametrize("pairs", [12, 81])
def test_equals_the_papers_code(pairs):
    stream, _ = planted(pairs, shift=1.0, noise=1.0)
    directions = LAT(unit=True, seed=4).fit(stream).directions
    ordered, exchanged = sides(stream), half(pairs, 4).numpy()
    for index, layer in enumerate(LAYERS):
        positive, negative = (side[:, index].double().numpy() for side in (ordered.positive, ordered.negative))
        assert np.allclose(directions[layer].numpy(), repe(positive, negative, exchanged), atol=1e-5)


def test_another_seed_shuffles_otherwise():
    stream, _ = planted(31, shift=1.0, noise=1.0)
    one, other = (LAT(seed=seed).fit(stream).directions[0] for seed in (0, 1))
    assert not torch.allclose(one, other)
    assert float(torch.cosine_similarity(one, other, dim=0)) > 0.9


def test_the_record_says_how_many_pairs_agree():
    agreement = LAT().fit(planted(noise=0.1)[0]).record["agreement"]
    assert agreement == {"0": 1.0, "2": 1.0, "5": 1.0}
    assert all(0.5 <= share < 1 for share in LAT().fit(planted(shift=0.5, noise=1.0)[0]).record["agreement"].values())


def test_reads_the_last_token_unless_told_otherwise(llama, table):
    vector = extract(llama, load_data(table).limit(6), LAT())
    assert vector.origin.position == "last"
    assert set(vector.origin.found) == {"agreement"}
