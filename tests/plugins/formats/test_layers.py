"""Layers of foreign files: only names that are known, counted from either end, each once, and sublayers at their site."""

import json

import numpy
import pytest
import torch
from typer.testing import CliRunner

from steerstack.cli import app
from steerstack.errors import VectorError
from steerstack.exchange.formats import read_vector
from steerstack.exchange.model_depth import depth_of
from steerstack.steering.vector import SteeringVector

ROW = torch.arange(1.0, 9.0)
NAMES = {
    3: "resid_post", "3": "resid_post", "layer_3": "resid_post", "layer.3": "resid_post", "layer3": "resid_post",
    "layers.3": "resid_post", "blocks.3.v": "resid_post", "h.3": "resid_post", "transformer.h.3": "resid_post",
    "model.layers.3": "resid_post", "blocks.3.hook_resid_post": "resid_post", "resid_post.3": "resid_post",
    "blocks.3.hook_resid_pre": "resid_pre", "model.layers.3.mlp": "mlp_out", "model.layers.3.mlp.down_proj": "mlp_out",
    "transformer.h.3.attn": "attn_out", "model.layers.3.self_attn": "attn_out", "blocks.3.hook_mlp_out": "mlp_out",
    "model.layers.3.self_attn.o_proj": "attn_out",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_known(tmp_path, name):
    torch.save({name: ROW}, tmp_path / "v.pt")
    vector = read_vector(tmp_path / "v.pt")
    assert (vector.layers, vector.component) == ((3,), NAMES[name])


@pytest.mark.parametrize("name", ["v2", "qwen2.layers", "direction_of_gpt4", "layer-3", "layer_3_final", "step_300"])
def test_any_other_name_tells_no_layer(tmp_path, name):
    torch.save({name: ROW}, tmp_path / "v.pt")
    with pytest.raises(VectorError, match="does not say its layer"):
        read_vector(tmp_path / "v.pt")
    assert read_vector(tmp_path / "v.pt", layer=5).layers == (5,)


@pytest.mark.parametrize("name", ["model.layers.3.self_attn.q_proj", "blocks.3.hook_resid_mid", 1.5])
def test_a_place_that_is_not_known_is_refused_whatever_layer_is_given(tmp_path, name):
    torch.save({name: ROW}, tmp_path / "v.pt")
    for layer in (None, 3):
        with pytest.raises(VectorError, match=rf"(?s)not directions by layer.*names {name}"):
            read_vector(tmp_path / "v.pt", layer=layer)


def test_a_dict_within_a_dict_and_text_in_an_archive_are_read(tmp_path):
    torch.save({"directions": {1: ROW, 2: 2 * ROW}, "model": "m"}, tmp_path / "v.pt")
    vector = read_vector(tmp_path / "v.pt")
    assert (vector.layers, vector.origin.found["said"]) == ((1, 2), {"model": "m"})
    numpy.savez(tmp_path / "v.npz", layer_1=ROW.numpy(), about=numpy.array("a note"))
    assert read_vector(tmp_path / "v.npz").layers == (1,)
    torch.save({1: 0 * ROW}, tmp_path / "v.pt")
    with pytest.raises(VectorError, match="nothing but zeros"):
        read_vector(tmp_path / "v.pt")


def test_what_stands_beside_the_direction_is_read_with_it(tmp_path):
    torch.save({"layer": 14, "vector": ROW, "model": "m", "alpha": torch.tensor(2.0)}, tmp_path / "v.pt")
    vector = read_vector(tmp_path / "v.pt")
    assert vector.layers == (14,)
    assert vector.origin.found["said"] == {"model": "m", "alpha": 2.0}


def test_layers_from_the_end_where_the_depth_is_known(tmp_path):
    torch.save({-1: ROW, -2: 2 * ROW}, tmp_path / "v.pt")
    vector = read_vector(tmp_path / "v.pt", n_layers=24)
    assert vector.layers == (22, 23)
    assert torch.equal(vector[22], 2 * ROW)
    with pytest.raises(VectorError, match="beyond the model's 1 blocks"):
        read_vector(tmp_path / "v.pt", n_layers=1)
    torch.save({-1: ROW, 23: ROW}, tmp_path / "v.pt")
    with pytest.raises(VectorError, match="two directions for layer 23"):
        read_vector(tmp_path / "v.pt", n_layers=24)


def test_a_table_of_hidden_states_has_the_embedding_first(tmp_path):
    table = torch.arange(1.0, 6.0)[:, None].expand(5, 8).clone()
    torch.save(table, tmp_path / "v.pt")
    blind = read_vector(tmp_path / "v.pt")
    assert blind.layers == (0, 1, 2, 3, 4)
    assert "where the model has 4 blocks, row 0 is the embedding" in blind.origin.found["rows"]
    states = read_vector(tmp_path / "v.pt", n_layers=4)
    assert states.layers == (0, 1, 2, 3)
    assert torch.equal(states[0], table[1])
    assert "row 0 is the embedding" in states.origin.found["rows"]
    assert torch.equal(read_vector(tmp_path / "v.pt", n_layers=5)[0], table[0])
    with pytest.raises(VectorError, match="5 rows, 7 blocks"):
        read_vector(tmp_path / "v.pt", n_layers=7)


def test_the_command_asks_the_model_s_config(tmp_path):
    torch.save({-1: ROW}, tmp_path / "v.pt")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text(json.dumps({"text_config": {"num_hidden_layers": 6}}))
    for options in (["--model-name", str(tmp_path / "m")], ["--n-layers", "6"]):
        out = tmp_path / "v.safetensors"
        result = CliRunner().invoke(app, ["vectors", "import", str(tmp_path / "v.pt"), "--out", str(out), *options])
        assert result.exit_code == 0, result.output
        assert SteeringVector.load(out).layers == (5,)
    refused = CliRunner().invoke(app, ["vectors", "import", str(tmp_path / "v.pt"), "--out", str(tmp_path / "no")])
    assert refused.exit_code != 0


@pytest.mark.parametrize("config", ["[]", "{", '{"n_layer": "x"}', "{}", '{"num_hidden_layers": 0}'])
def test_a_config_that_does_not_say_leaves_the_depth_unknown(tmp_path, config):
    (tmp_path / "config.json").write_text(config)
    assert depth_of(str(tmp_path)) is None
    assert depth_of("no/such-model-anywhere") is None
    assert depth_of("not a name") is None
