"""Projections of tokens: plain dot products of a plain pass."""

import pytest
import torch

from steerstack.data.prompts import Prompt
from steerstack.engine.projection import projections
from steerstack.errors import DegenerateDirectionError, SiteError
from steerstack.steering.site import Site
from steerstack.testing.models import WIDTH


@pytest.mark.parametrize("layer", [0, 2])
def test_they_are_dot_products_with_the_unit_direction(llama, layer):
    sequences = [llama.format.sequence(Prompt(text)) for text in ("Hi", "How are you, then?")]
    direction = 3 * torch.randn(WIDTH, generator=torch.Generator().manual_seed(1))
    rows = projections(llama, sequences, Site("resid_post", layer), direction)
    for sequence, values in zip(sequences, rows, strict=True):
        with torch.no_grad():
            plain = llama.module(torch.tensor([sequence.ids]), output_hidden_states=True).hidden_states[layer + 1][0]
        torch.testing.assert_close(torch.tensor(values), plain @ direction / direction.norm(), rtol=1e-4, atol=1e-5)


def test_what_cannot_be_projected_on_is_refused(llama):
    sequence = llama.format.sequence(Prompt("Hi"))
    with pytest.raises(DegenerateDirectionError, match="zero"):
        projections(llama, [sequence], Site("resid_post", 1), torch.zeros(WIDTH))
    with pytest.raises(SiteError):
        projections(llama, [sequence], Site("resid_post", 9), torch.ones(WIDTH))
