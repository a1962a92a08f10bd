"""What every method that needs only activations has to leave unchanged, and what it refuses."""

import pytest
import torch
from tests.synthetic import Synthetic, planted

from steerstack.contracts import Fitted
from steerstack.errors import DegenerateDirectionError, ExtractionError
from steerstack_plugins.extraction.iti import ITI
from steerstack_plugins.extraction.lat import LAT
from steerstack_plugins.extraction.lda import LDA
from steerstack_plugins.extraction.leace import LEACE
from steerstack_plugins.extraction.logistic import Logistic
from steerstack_plugins.extraction.means.multi_layer import MultiLayerDifference
from steerstack_plugins.extraction.means.robust_difference import RobustDifference
from steerstack_plugins.extraction.pca import PCA
from steerstack_plugins.extraction.random_direction import RandomDirection
from steerstack_plugins.extraction.shuffled_labels import ShuffledLabels

METHODS = [
    PCA(), PCA(centring="mean"), LAT(), Logistic(), LDA(), LDA(whiten=False), LDA(shrinkage=0.2), LEACE(),
    LEACE(shrinkage=0), ITI(heads=5), ITI(direction="probe"), RandomDirection(), ShuffledLabels(),
    MultiLayerDifference(), RobustDifference(),
]  # fmt: skip


def fit(method, stream):
    result = method.fit(stream)
    return result if isinstance(result, Fitted) else Fitted(result)


def attempt(method, stream):
    """What the method finds; None where it refuses."""
    try:
        return fit(method, stream)
    except (DegenerateDirectionError, ExtractionError):
        return None


def name(method):
    defaults = {row["name"]: row["default"] for row in method.describe()}
    return "-".join([method.name, *(str(v) for key, v in method.parameters().items() if defaults[key] != v)])


every_method = pytest.mark.parametrize("method", METHODS, ids=name)


@pytest.fixture
def pairs():
    # the centred form of PCA needs differences that vary: what is planted is not all there is
    return planted(61, 16, noise=1.0)[0]


def same(one, other, factor=1.0):
    assert one.directions.keys() == other.directions.keys()
    for layer, direction in one.directions.items():
        assert torch.allclose(direction, factor * other.directions[layer], rtol=1e-4, atol=1e-5)


@every_method
def test_neither_the_order_of_pairs_nor_the_batch_size_matters(method, pairs):
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(3))
    same(fit(method, pairs), fit(method, pairs.changed(order=order, batch=7)))


@every_method
def test_the_sign_flips_with_the_sides(method, pairs):
    factor = 1.0 if isinstance(method, RandomDirection) else -1.0
    same(fit(method, pairs), fit(method, pairs.changed(swap=True)), factor)


@every_method
def test_the_same_twice_whatever_the_global_state(method, pairs):
    one = fit(method, pairs)
    torch.manual_seed(5)
    other = fit(method, pairs)
    assert all(torch.equal(one.directions[layer], other.directions[layer]) for layer in one.directions)


@every_method
def test_activations_are_left_as_they_are(method, pairs):
    before = [side.clone() for side in (pairs.positive, pairs.negative)]
    fit(method, pairs)
    assert torch.equal(before[0], pairs.positive)
    assert torch.equal(before[1], pairs.negative)


@every_method
def test_directions_are_float32_of_the_width_of_the_site(method, pairs):
    for direction in fit(method, pairs).directions.values():
        assert direction.dtype == torch.float32
        assert direction.shape == (16,)
        assert bool(direction.isfinite().all())


@every_method
def test_equal_sides_are_refused(method, pairs):
    with pytest.raises(DegenerateDirectionError, match=r"same|zero|differs"):
        fit(method, Synthetic(pairs.negative, pairs.negative.clone()))


@every_method
def test_sides_that_differ_by_rounding_are_equal(method, pairs):
    if isinstance(method, RandomDirection):
        return  # it takes any length, however small
    with pytest.raises(DegenerateDirectionError):
        fit(method, Synthetic(pairs.negative, pairs.negative * (1 + 1e-8)))


@every_method
def test_one_pair_is_enough_or_refused(method, pairs):
    result = attempt(method, pairs.changed(order=torch.tensor([0])))
    assert result is None or all(bool(direction.isfinite().all()) for direction in result.directions.values())


@pytest.mark.parametrize(("method", "least"), [(ITI(), 5), (LAT(), 2), (ShuffledLabels(), 2), (LDA(), 2)], ids=str)
def test_the_least_number_of_pairs_is_said(method, least, pairs):
    with pytest.raises(ExtractionError, match=f"needs {least}"):
        fit(method, pairs.changed(order=torch.arange(least - 1)))
    assert fit(method, pairs.changed(order=torch.arange(least))).directions


@every_method
def test_pairs_that_cancel_out_are_refused_or_have_a_direction(method):
    stream = planted(8, 16)[0]
    one, other = stream.positive, stream.negative
    result = attempt(method, Synthetic(torch.cat([one, other]), torch.cat([other, one])))
    assert result is None or all(bool(direction.isfinite().all()) for direction in result.directions.values())
