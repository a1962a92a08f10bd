"""Noise on weights comes and goes bit by bit; noise on activations has the size it says."""

import numpy as np
import pytest
import torch
from tests.plugins.sandbagging.audit.test_choices import ITEMS

from steerstack.errors import ParameterError
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.util import digest
from steerstack_plugins.sandbagging.audit.choices import Way
from steerstack_plugins.sandbagging.audit.noise import (
    ActivationNoise,
    activation_noise_curve,
    noisy,
    weight_noise_curve,
    weight_rms,
)


def _bits(model):
    return digest.of_tensors(sorted(model.module.state_dict().items()))


def test_weights_are_put_back_bit_by_bit(llama):
    before = _bits(llama)
    with noisy(llama, 0.3, 5):
        assert _bits(llama) != before
    assert _bits(llama) == before == llama.fingerprint


def test_weights_are_put_back_after_an_error(llama):
    before = _bits(llama)
    with pytest.raises(KeyError), noisy(llama, 0.3, 5):
        raise KeyError("stop")
    assert _bits(llama) == before


def test_the_noise_is_that_of_the_seed_and_of_the_size(llama):
    weights = {name: value.clone() for name, value in llama.module.state_dict().items()}
    drawn = []
    for seed in (1, 1, 2):
        with noisy(llama, 0.05, seed):
            changes = [(v - weights[n]).flatten() for n, v in llama.module.state_dict().items()]
            drawn.append(torch.cat(changes))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert float(drawn[0].std()) == pytest.approx(0.05, rel=0.05)


def test_a_curve_is_plain_runs_under_noise(llama):
    before = _bits(llama)
    curve = weight_noise_curve(llama, ITEMS[:8], shares=(0.1, 0.5), seeds=2, seed=4)
    assert _bits(llama) == before
    with noisy(llama, 0.5 * weight_rms(llama), 5):
        assert (curve.right[1, 1] == Way(llama).ask(ITEMS[:8]).right).all()
    assert curve.accuracy.shape == (2, 2)
    assert curve.gain(1).value == pytest.approx(curve.right[1].mean() - curve.without.right.mean())


def test_the_ratio_is_the_best_level_over_none(llama):
    curve = weight_noise_curve(llama, ITEMS[:8], shares=(0.1, 0.5), seeds=2)
    base = curve.without.right.mean()
    assert base > 0
    assert curve.ratio == pytest.approx(curve.right.mean((1, 2)).max() / base)


def test_noise_on_activations_is_a_share_of_their_norm():
    hidden = torch.randn(4, 500, 32)
    noise = ActivationNoise(Site("resid_post", 0), 0.5, 3, selection=Tokens("all"))
    added = noise.edit(hidden) - hidden
    assert torch.equal(noise.edit(hidden), noise.edit(hidden))
    ratio = (added.norm(dim=-1) / hidden.norm(dim=-1)).square().mean().sqrt()
    assert float(ratio) == pytest.approx(0.5, rel=0.05)


def test_noise_of_nothing_is_refused():
    with pytest.raises(ParameterError):
        ActivationNoise(Site("resid_post", 0), 0.0)


def test_the_curve_on_activations_starts_from_the_plain_model(llama):
    curve = activation_noise_curve(llama, ITEMS[:8], layer=1, shares=(0.1, 1.0), seeds=2)
    assert np.allclose(curve.without.logp, Way(llama).under([Plan()], ITEMS[:8])[0].logp, atol=1e-4)
    assert curve.right.shape == (2, 2, 8)
    assert np.isfinite(curve.accuracy).all()


def test_tied_weights_get_one_draw_and_come_back(tiny):
    model = tiny("gpt2")
    before = _bits(model)
    weights = model.module.lm_head.weight.clone()
    with noisy(model, 0.05, 1):
        change = model.module.lm_head.weight - weights
        assert float(change.std()) == pytest.approx(0.05, rel=0.05)
        assert model.module.lm_head.weight is model.module.transformer.wte.weight
    assert _bits(model) == before
