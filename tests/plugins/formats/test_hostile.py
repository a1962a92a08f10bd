"""No file makes a reader of vectors crash, wait, fill the memory, or guess: it is a vector, or refused by its cause."""

import base64
import hashlib
import io
import json
import os
import struct
import tracemalloc
import zipfile
from contextlib import suppress
from functools import cache
from itertools import product

import numpy
import pytest
import torch
from safetensors.torch import save_file
from tests.support.mutate import mutated, other_header, other_values
from typer.testing import CliRunner

from steerstack.cli import app
from steerstack.errors import SteerstackError, UnsafeFileError, VectorError
from steerstack.exchange.formats import read_vector, write_vector
from steerstack.steering.vector import SteeringVector

ROW = torch.arange(1.0, 9.0)
STRETCHED = torch.ones(1).expand(2**33)
SPARSE = torch.sparse_coo_tensor(torch.tensor([[0]]), torch.ones(1), (2**40,), check_invariants=False)


def lm_eval(**changes):
    return {"layers.1": {"steering_vector": ROW, "action": "add", **changes}}


TORCH = {
    "a layer beyond any": ({10**30: ROW}, "beyond any model"),
    "a layer of ten thousand": ({"layer_10000": ROW}, "beyond any model"),
    "from the end": ({-1: ROW, -2: ROW}, "the model's depth is not known"),
    "from the end by name": ({"layer_-1": ROW}, "the model's depth is not known"),
    "one layer twice": ({"layer_1": ROW, "blk1": -ROW}, "two directions for layer 1"),
    "one layer twice by number": ({1: ROW, "1": -ROW}, "two directions for layer 1"),
    "a name that is no layer's": ({"sycophancy_v2": ROW, "layer_3": ROW}, "sycophancy_v2"),
    "hidden states by name": ({"hidden_states.1": ROW, "hidden_states.2": ROW}, "hidden_states.1"),
    "a norm's name": ({"model.layers.3.input_layernorm": ROW, "model.layers.4.input_layernorm": ROW}, "input_layernorm"),
    "two components": ({"model.layers.3.mlp": ROW, "model.layers.3.self_attn": ROW}, "several components"),
    "concepts by row": ({"weight": torch.ones(5, 8), "bias": torch.ones(5)}, "weight, bias"),
    "three dimensions": (torch.ones(2, 3, 8), "not directions by layer"),
    "a list": ([ROW, ROW], "not directions by layer"),
    "whole numbers": ({1: torch.arange(8)}, "int64"),
    "true for a layer": ({"vector": ROW, "layer": True}, "a layer that is none"),
    "stretched": ({1: STRETCHED}, "whose numbers are not in the file"),
    "sparse": ({1: SPARSE}, "more than tensors|not in the file"),
    "on no device": ({1: ROW.to("meta")}, "more than tensors"),
    "widths that differ": ({1: ROW, 2: ROW[:4]}, "one width"),
    "nothing": ({}, "no tensors"),
    "a number": (7, "int"),
    "text in its place": ({"layer_activations": {1: "text"}}, "no direction"),
    "layers in words": ({"layer_activations": {"one": ROW}}, "not directions by layer"),
    "no coefficient": (lm_eval(steering_coefficient=None), "no number"),
    "an endless coefficient": (lm_eval(steering_coefficient=float("inf")), "no number"),
    "a bias of text": (lm_eval(action="clamp", bias="x"), "no direction"),
    "clamped along zeros": (lm_eval(action="clamp", steering_vector=ROW * 0), "direction of zeros"),
    "actions in a list": (lm_eval(action=["add"]), "not directions by layer"),
    "a hookpoint of a number": ({1: lm_eval()["layers.1"]}, "not directions by layer"),
}  # fmt: skip


@pytest.mark.parametrize("name", TORCH)
def test_files_of_torch(tmp_path, name):
    content, cause = TORCH[name]
    torch.save(content, tmp_path / "v.pt")
    with pytest.raises(SteerstackError, match=cause):
        read_vector(tmp_path / "v.pt")


def gguf(keys):
    """A GGUF file without tensors, whose header is given as bytes for each key."""
    body = b"".join(struct.pack("<Q", len(name)) + name + value for name, value in keys)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(keys)) + body


def safetensors(header):
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return struct.pack("<Q", len(text)) + text + ROW.numpy().tobytes()


TENSOR = {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}
PAYLOAD = base64.b64encode(ROW.numpy().tobytes()).decode()


def easysteer(tensors):
    return json.dumps(
        {"kind": "direction", "version": 1, "tensors": tensors, "sha256": hashlib.sha256(b"").hexdigest()}
    )


def lens(**changes):
    entry = {"data": PAYLOAD, "dtype": "float32", "shape": [1, 8]}
    return json.dumps({"activations": entry, "layer_indices": [1], "scale": 1.0} | changes)


RAW = {
    "array of 2^40.gguf": (gguf([(b"a", struct.pack("<IIQ", 9, 0, 2**40))]), "an array of 1099511627776"),
    "arrays in arrays.gguf": (gguf([(b"a", struct.pack("<II", 9, 9) + struct.pack("<QII", 1, 9, 9) * 1000)]), "arrays in"),
    "text of 2^60.gguf": (gguf([(b"a", struct.pack("<IQ", 8, 2**60))]), "beyond the end"),
    "tensors of 2^50.gguf": (b"GGUF" + struct.pack("<IQQ", 3, 2**50, 0), "tensors and"),
    "type of none.gguf": (gguf([(b"a", struct.pack("<I", 99))]), "type 99"),
    "header of a number.safetensors": (safetensors({"__metadata__": {"steerstack": "7"}, "layer.1": TENSOR}), "not JSON"),
    "header nested.safetensors": (safetensors({"__metadata__": {"steerstack": "[" * 50_000}, "layer.1": TENSOR}), "nest"),
    "header of digits.safetensors": (
        safetensors({"__metadata__": {"steerstack": '{"n_pairs":' + "9" * 5000 + "}"}, "layer.1": TENSOR}), "digits"),
    "norms of a number.safetensors": (
        safetensors({"__metadata__": {"steerstack": '{"norms": 3}'}, "layer.1": TENSOR}), "norms of layers int"),
    "a norm of 400 digits.safetensors": (
        safetensors({"__metadata__": {"steerstack": '{"norms": {"1": 1' + "0" * 400 + "}}"}, "layer.1": TENSOR}), "norm 14.2829"),
    "half a character.safetensors": (
        safetensors({"__metadata__": {"steerstack": '{"behavior": "\\ud800"}'}, "layer.1": TENSOR}), "surrogates"),
    "pairs of text.safetensors": (
        safetensors({"__metadata__": {"steerstack": '{"n_pairs": "x"}'}, "layer.1": TENSOR}), "n_pairs"),
    "layer 10^9.safetensors": (safetensors({"layer.1000000000": TENSOR}), "not a steering vector"),
    "small floats.safetensors": (safetensors({"layer.1": {"dtype": "F4", "shape": [64], "data_offsets": [0, 32]}}), "float4"),
    "length of 2^60.safetensors": (struct.pack("<Q", 2**60) + b"{}", "header too large"),
    "strength of text.safetensors": (
        safetensors({"__metadata__": {"cfg": '{"method": "mean_diff", "coeff": "x"}'}, "layer1.v": TENSOR}), "no number"),
    "nested.svec": (b'{"directions":' + b"[" * 100_000, "nest too deeply"),
    "meta of a list.svec": (b'{"directions": {"1": [1.0]}, "meta": ["a"]}', "meta"),
    "place of a list.svec": (b'{"directions": {"1": [1.0]}, "meta": {"location": ["a"]}}', "is for"),
    "one layer twice.svec": (b'{"directions": {"1": [1.0], "01": [2.0]}}', "names one twice"),
    "one key twice.svec": (b'{"directions": {"1": [1.0], "1": [2.0]}}', "stands twice"),
    "from the end.svec": (b'{"directions": {"-1": [1.0]}}', "from the end"),
    "huge numbers.svec": (b'{"directions": {"1": [' + b"9" * 400 + b"]}}", "no directions"),
    "shape.json": (easysteer({"layer.1": {"shape": [99], "data": PAYLOAD}}), "shape '\\[99\\]'"),
    "text.json": (easysteer("abc"), "payload of directions"),
    "layers of a list.json": (lens(layer_indices=[[1]]), "none, or names one twice"),
    "one layer twice.json": (
        lens(layer_indices=[1, 1], activations={"data": base64.b64encode(ROW.numpy().tobytes() * 2).decode(),
                                                "dtype": "float32", "shape": [2, 8]}), "names one twice"),
    "strength of text.json": (lens(scale="x"), "no number"),
    "shape of 2^40.json": (lens(activations={"data": PAYLOAD, "dtype": "float32", "shape": [1, 2**40]}), "not a vector of"),
}  # fmt: skip


@pytest.mark.parametrize("name", RAW)
def test_files_by_their_bytes(tmp_path, name):
    content, cause = RAW[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SteerstackError, match=cause):
        read_vector(tmp_path / name)


def test_arrays_of_numpy(tmp_path):
    numpy.savez(tmp_path / "rows.npz", table=numpy.ones((5, 8), "f4"))
    assert read_vector(tmp_path / "rows.npz").layers == (0, 1, 2, 3, 4)
    numpy.savez_compressed(tmp_path / "named.npz", layer_3=numpy.ones(8, "f4"), layer_5=numpy.ones(8, "f4"))
    assert read_vector(tmp_path / "named.npz").layers == (3, 5)
    numpy.savez(tmp_path / "counted.npz", numpy.ones(8, "f4"), numpy.ones(8, "f4"))
    with pytest.raises(VectorError, match="not directions by layer"):
        read_vector(tmp_path / "counted.npz")
    numpy.savez(tmp_path / "objects.npz", layer_1=numpy.array([None]))
    with pytest.raises(UnsafeFileError, match="as a pickle"):
        read_vector(tmp_path / "objects.npz")
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }"
    (tmp_path / "huge.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n")
    with pytest.raises(VectorError, match="more than the file's"):
        read_vector(tmp_path / "huge.npy")


@cache
def bomb():
    """An archive of 220 MB of zeros."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a/data/0", "w") as entry,
    ):
        for _ in range(220):
            entry.write(bytes(1_000_000))
    return packed.getvalue()


@pytest.mark.parametrize("name", ["bomb.pt", "bomb.npz"])
def test_an_archive_that_unpacks_to_far_more_than_it_is_is_not_unpacked(tmp_path, name):
    (tmp_path / name).write_bytes(bomb())
    tracemalloc.start()
    try:
        with pytest.raises(VectorError, match="far more than it is"):
            read_vector(tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_what_has_no_end_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "v.safetensors")
    (tmp_path / "v.pt").symlink_to("/dev/zero")
    for name, kind in [("v.safetensors", "a pipe"), ("v.pt", "a device")]:
        with pytest.raises(VectorError, match=kind):
            read_vector(tmp_path / name)
        with pytest.raises(VectorError, match=kind):
            SteeringVector.load(tmp_path / name)


@pytest.mark.parametrize(("config", "cause"), [({"r": 0}, "no rank"), ({"r": -2}, "no rank"), ({"r": "x"}, "no number"),
                                              ({"r": 1, "lora_alpha": None}, "no number")])  # fmt: skip
def test_adapters_whose_scaling_is_none(tmp_path, config, cause):
    stem = "base_model.model.model.layers.1.mlp.down_proj.lora_"
    save_file({f"{stem}A.weight": torch.zeros(1, 4), f"{stem}B.weight": torch.zeros(8, 1), f"{stem}B.bias": ROW},
              tmp_path / "adapter_model.safetensors")  # fmt: skip
    (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_bias": True, **config}))
    with pytest.raises(VectorError, match=cause):
        read_vector(tmp_path)


def test_the_config_of_an_autoencoder_may_say_anything(tmp_path):
    save_file({"W_dec": ROW[None].contiguous()}, tmp_path / "sae_weights.safetensors")
    right = json.dumps({"hook_name": "blocks.2.hook_resid_post", "model_name": "m", "metadata": {"model_name": "n"}})
    for seed in range(60):
        (tmp_path / "cfg.json").write_bytes(other_values(right.encode(), seed))
        with suppress(VectorError):
            assert "SteeringVector" in repr(read_vector(tmp_path))


def test_a_map_that_ends_no_sublayer_is_refused(tmp_path):
    stem = "base_model.model.model.layers.1.mlp.up_proj.lora_"
    save_file({f"{stem}B.bias": ROW}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_bias": True}))
    with pytest.raises(VectorError, match="ends neither attention nor MLP"):
        read_vector(tmp_path)


WRITTEN = ("v.gguf gguf", "v.pt lm-eval", "vec_layer_2_x.pt caa", "v.svec svec", "w.json easysteer", "v.json vllm-lens",
           "l.safetensors steering-lite", "k.safetensors steerkit", "s.safetensors steering-vectors", "p.pt plain",
           "p.npy plain", "p.safetensors plain", "o.safetensors steerstack")  # fmt: skip


STRUCTURED = {(".json", ".svec"): other_values, ".safetensors": other_header}
"""By the ends of names, how a file is damaged besides in its bytes."""


@pytest.mark.parametrize("what", WRITTEN)
def test_damaged_files_are_vectors_or_refused(tmp_path, what):
    """A short run with fixed seeds; each change is made to a file that can be read."""
    name, format = what.split()
    vector = SteeringVector({2: ROW})
    write_vector(vector, tmp_path / name, format, model_type="llama")
    whole, refused = (tmp_path / name).read_bytes(), 0
    damages = [mutated, *(change for ends, change in STRUCTURED.items() if name.endswith(ends))]
    for change, seed in product(damages, range(60)):
        (tmp_path / name).write_bytes(change(whole, seed))
        try:
            assert read_vector(tmp_path / name).d_model > 0
        except SteerstackError as error:
            refused += bool(error.happened)
    assert refused > 10


def test_showing_a_vector_prints_what_is_in_it_as_it_is(tmp_path):
    header = {
        "__metadata__": {"steerstack": json.dumps({"behavior": "[bold]x[/nothing] \x1b[31mred"})},
        "layer.1": TENSOR,
    }
    (tmp_path / "v.safetensors").write_bytes(safetensors(header))
    result = CliRunner().invoke(app, ["vectors", "show", str(tmp_path / "v.safetensors")])
    assert result.exit_code == 0
    assert "[bold]x[/nothing]" in result.output
    assert "\x1b" not in result.output
