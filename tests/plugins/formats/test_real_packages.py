"""Files for repeng and steering-vectors, opened and applied by those packages: the steered logits are ours."""

import numpy
import pytest
import torch
from safetensors import safe_open
from tests.plugins.formats.foreign import IDS, chosen, close, ours, plain, rows

from steerstack.exchange.formats import read_vector, write_vector
from steerstack.steering.vector import SteeringVector
from steerstack.testing.models import tiny_model


@pytest.fixture
def repeng(monkeypatch):
    """The package; its release 0.4 names a type that NumPy 2 no longer has."""
    monkeypatch.setattr(numpy, "float_", numpy.float64, raising=False)
    import repeng

    return repeng


def by_repeng(repeng, control, scale):
    """Log-probabilities of a tiny Llama under repeng's own control."""
    model = repeng.ControlModel(tiny_model("llama"), sorted(control.directions))
    model.set_control(control, scale)
    with torch.no_grad():
        return chosen(model(torch.tensor([IDS])).logits)


def test_repeng_steers_by_our_gguf_as_we_do(repeng, llama, tmp_path):
    vector = SteeringVector(rows(1, 3))
    write_vector(vector, tmp_path / "x.gguf", "gguf", model=llama)
    control = repeng.ControlVector.import_gguf(tmp_path / "x.gguf")
    assert control.model_type == "llama"
    assert close(ours(llama, vector, 0.7), by_repeng(repeng, control, 0.7))


def test_we_steer_by_its_gguf_as_repeng_does(repeng, llama, tmp_path):
    control = repeng.ControlVector("llama", {n: d.numpy() for n, d in rows(1, 2).items()})
    control.export_gguf(tmp_path / "x.gguf")
    vector = read_vector(tmp_path / "x.gguf")
    assert close(ours(llama, vector, -1.5), by_repeng(repeng, control, -1.5))


@pytest.mark.parametrize("component", ["resid_post", "attn_out", "mlp_out"])
def test_steering_vectors_steers_by_our_file_as_we_do(llama, tmp_path, component):
    vector = SteeringVector(rows(1, 2), component)
    write_vector(vector, tmp_path / "x.safetensors", "steering-vectors")
    with safe_open(tmp_path / "x.safetensors", "pt") as file:
        scope = {"PATH": tmp_path / "x.safetensors"}
        exec(file.metadata()["load"], scope)
    with scope["vector"].apply(llama.module, multiplier=1.3):
        theirs = plain(llama)
    assert close(ours(llama, vector, 1.3), theirs)
    assert not close(plain(llama), theirs, 0.01)
