"""What a result calls its model can be opened again."""

import pytest

from steerstack.trace.open import open_model


@pytest.mark.smollm2
@pytest.mark.xdist_group("smollm2")
def test_the_embedded_model_by_its_recorded_name(smollm2):
    assert smollm2.name != "smollm2"
    assert open_model(smollm2.name).fingerprint == smollm2.fingerprint
