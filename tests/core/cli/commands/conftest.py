"""A vector file for commands that steer a tiny model."""

import pytest
import torch

from steerstack.steering.vector import SteeringVector
from steerstack.testing.models import WIDTH


@pytest.fixture(scope="module")
def vector(tmp_path_factory):
    path = tmp_path_factory.mktemp("v") / "v.safetensors"
    SteeringVector(
        {layer: torch.randn(WIDTH, generator=torch.Generator().manual_seed(layer)) for layer in (1, 2)}
    ).save(path)
    return path
