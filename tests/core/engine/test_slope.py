"""First-order effects from one backward pass, against finite differences."""

import pytest
import torch

from steerstack.data.prompts import Prompt
from steerstack.engine.gradients import Shift, differentiable
from steerstack.engine.slope import PART, slopes
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens


@pytest.mark.parametrize("tokens", ["response", "all", "last"])
def test_a_slope_is_the_derivative_along_any_direction(llama, tokens):
    prompts = [Prompt(f"Is it {word}?") for word in ("so", "cold out there", "far", "late", "dear")]
    sequences = [sequence for prompt in prompts for sequence in llama.format.answers(prompt, ["Yes, it is.", "No."])]
    assert len(sequences) > PART  # more than one pass
    weights = [0.3, -0.7] * len(prompts)
    sites = [Site("resid_post", 0), Site("resid_post", 2)]
    gradients = slopes(llama, sequences, weights, sites, Tokens.parse(tokens))

    def total(site, move):
        logp = differentiable(llama, sequences, Plan((Shift(site, move, selection=Tokens.parse(tokens)),))).logp
        return float(logp.double() @ torch.tensor(weights).double())

    for site, slope in zip(sites, gradients, strict=True):
        direction = torch.randn(llama.width(site), generator=torch.Generator().manual_seed(site.layer))
        step = 0.05 * direction / direction.norm()
        expected = (total(site, step) - total(site, -step)) / 2
        assert float(slope @ step) == pytest.approx(expected, rel=0.02, abs=2e-5)
