"""Files written as the other tools write them, used as they use them: our steered log-probabilities are the same."""

import base64
import hashlib
import json
from dataclasses import replace

import gguf
import numpy
import pytest
import torch
import zstandard
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tests.plugins.formats.foreign import IDS, adding, close, hooked, ours, plain, rows

from steerstack.errors import UnsafeFileError, VectorError
from steerstack.exchange.formats import moved, read_vector, write_vector
from steerstack.steering.vector import SteeringVector


def write_gguf(path, directions, **strings):
    writer = gguf.GGUFWriter(path, "controlvector")
    for key, value in {"model_hint": "llama", **strings}.items():
        writer.add_string(f"controlvector.{key}", value)
    for layer, direction in directions.items():
        writer.add_tensor(f"direction.{layer}", direction.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_gguf_adds_at_the_end_of_block_n(llama, tmp_path):
    directions = rows(1, 3)
    write_gguf(tmp_path / "x.gguf", directions, method="pca")
    vector = read_vector(tmp_path / "x.gguf")
    assert vector.origin.found == {"model_type": "llama", "method": "pca"}
    assert close(ours(llama, vector, 0.7), hooked(llama, adding(directions, scale=0.7)))


def test_gguf_of_tools_that_count_from_one_is_put_back_by_an_offset(llama, tmp_path):
    directions = rows(0, 1, 2)
    write_gguf(tmp_path / "x.gguf", {n + 1: d for n, d in directions.items()})
    vector = read_vector(tmp_path / "x.gguf", offset=-1)
    assert close(ours(llama, vector), hooked(llama, adding(directions)))


def test_gguf_export_names_blocks_from_zero_and_refuses_block_0(llama, tmp_path):
    directions = rows(1, 2)
    write_vector(SteeringVector(directions), tmp_path / "x.gguf", "gguf", model_type="llama")
    reader = gguf.GGUFReader(tmp_path / "x.gguf")
    assert [tensor.name for tensor in reader.tensors] == ["direction.1", "direction.2"]
    assert reader.get_field("controlvector.model_hint").contents() == "llama"
    assert reader.get_field("controlvector.layer_count").contents() == 2
    assert reader.get_field("general.architecture").contents() == "controlvector"
    with pytest.raises(VectorError, match="block 0"):
        write_vector(SteeringVector(rows(0, 1)), tmp_path / "y.gguf", "gguf")
    at_inputs = SteeringVector(rows(2), "resid_pre")
    write_vector(at_inputs, tmp_path / "z.gguf", "gguf")
    assert read_vector(tmp_path / "z.gguf").layers == (1,)
    assert close(ours(llama, read_vector(tmp_path / "z.gguf")), ours(llama, at_inputs))


def test_gguf_of_heads_is_refused(tmp_path):
    write_gguf(tmp_path / "x.gguf", rows(1), easysteer=json.dumps({"version": 1, "component": "attention_heads"}))
    with pytest.raises(VectorError, match="attention_heads"):
        read_vector(tmp_path / "x.gguf", format="gguf")


def test_caa_adds_at_the_output_of_the_block_in_the_name(llama, tmp_path):
    directions = rows(2)
    torch.save(directions[2], tmp_path / "vec_layer_2_Llama-2-7b-chat-hf.pt")
    vector = read_vector(tmp_path / "vec_layer_2_Llama-2-7b-chat-hf.pt")
    assert (vector.layers, vector.origin.model_name) == ((2,), "Llama-2-7b-chat-hf")
    assert close(ours(llama, vector, 2.0), hooked(llama, adding(directions, scale=2.0)))
    with pytest.raises(VectorError, match="tells its layer"):
        write_vector(vector, tmp_path / "vec_layer_3_x.pt", "caa")


def test_cast_adds_at_the_input_of_the_block(llama, tmp_path):
    directions = rows(1, 2)
    lists = {str(n): d.tolist() for n, d in directions.items()}
    content = {"model_type": "llama", "directions": lists, "explained_variances": {"1": 0.5, "2": 0.4}}
    (tmp_path / "x.svec").write_text(json.dumps(content))
    vector = read_vector(tmp_path / "x.svec")
    assert vector.component == "resid_pre"
    inputs = adding(directions)
    assert close(ours(llama, vector), hooked(llama, inputs=inputs))
    write_vector(vector, tmp_path / "y.svec", "svec")
    document = json.loads((tmp_path / "y.svec").read_text())
    assert document["directions"] == lists
    assert set(document["explained_variances"]) == {"1", "2"}  # CAST does not load without


@pytest.mark.parametrize(("meta", "component"), [({}, "resid_post"), ({"location": "layer_input"}, "resid_pre")])
def test_steerability_adds_where_its_meta_says(llama, tmp_path, meta, component):
    directions = rows(1, 2)
    lists = {str(n): [d.tolist()] for n, d in directions.items()}
    (tmp_path / "x.svec").write_text(json.dumps({"model_type": "llama", "directions": lists, "meta": meta}))
    vector = read_vector(tmp_path / "x.svec")
    assert vector.component == component
    side = "outputs" if component == "resid_post" else "inputs"
    assert close(ours(llama, vector), hooked(llama, **{side: adding(directions)}))


def test_svec_of_several_directions_a_layer_is_refused(tmp_path):
    (tmp_path / "x.svec").write_text(json.dumps({"model_type": "llama", "directions": {"1": [[1.0], [2.0]]}}))
    with pytest.raises(VectorError, match="several directions a layer"):
        read_vector(tmp_path / "x.svec", format="svec")


def easysteer_wire(directions):
    digest = hashlib.sha256(b"direction:1")
    tensors = {}
    for name, data in sorted((f"layer.{n}", d.numpy().tobytes()) for n, d in directions.items()):
        digest.update(name.encode() + b"(32,)" + data)
        tensors[name] = {"shape": [32], "data": base64.b64encode(data).decode()}
    return {"version": 1, "kind": "direction", "tensors": tensors, "extra": {}, "sha256": digest.hexdigest()}


def test_easysteer_adds_at_the_output_of_the_block(llama, tmp_path):
    directions = rows(0, 3)
    (tmp_path / "x.json").write_text(json.dumps(easysteer_wire(directions)))
    vector = read_vector(tmp_path / "x.json")
    assert close(ours(llama, vector, 1.5), hooked(llama, adding(directions, scale=1.5)))
    write_vector(vector, tmp_path / "y.json", "easysteer")
    assert json.loads((tmp_path / "y.json").read_text()) == easysteer_wire(directions)
    broken = {**easysteer_wire(directions), "sha256": "0" * 64}
    (tmp_path / "x.json").write_text(json.dumps(broken))
    with pytest.raises(VectorError, match="digest"):
        read_vector(tmp_path / "x.json", format="easysteer")


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("norm_match", [False, True])
def test_vllm_lens_adds_scale_times_rows(llama, tmp_path, half, norm_match):
    stacked = torch.stack(list(rows(1, 2).values()))
    matrix = stacked.bfloat16() if half else stacked
    array = matrix.view(torch.int16).numpy() if half else matrix.numpy()
    activations = {
        "data": base64.b64encode(zstandard.ZstdCompressor().compress(array.tobytes())).decode(),
        "dtype": str(array.dtype), "original_dtype": str(matrix.dtype), "shape": [2, 32], "compression": "zstd",
    }  # fmt: skip
    content = {
        "activations": activations, "layer_indices": [1, 2], "scale": 0.5,
        "norm_match": norm_match, "position_indices": None,
    }  # fmt: skip
    (tmp_path / "x.json").write_text(json.dumps(content))

    def change(hidden, row):
        moved = hidden + 0.5 * row.float()
        return moved * hidden.norm(dim=-1, keepdim=True) / moved.norm(dim=-1, keepdim=True) if norm_match else moved

    hooks = {f"model.layers.{n}": lambda h, row=row: change(h, row) for n, row in zip((1, 2), matrix, strict=True)}
    vector = read_vector(tmp_path / "x.json")
    assert close(ours(llama, vector), hooked(llama, hooks))
    write_vector(vector, tmp_path / "y.json", "vllm-lens")
    assert close(ours(llama, read_vector(tmp_path / "y.json")), hooked(llama, hooks))


def test_vllm_lens_of_single_positions_is_refused(tmp_path):
    activations = {"data": base64.b64encode(bytes(4 * 6)).decode(), "dtype": "float32", "shape": [1, 3, 2]}
    (tmp_path / "x.json").write_text(json.dumps({"activations": activations, "layer_indices": [1]}))
    with pytest.raises(VectorError, match="single positions"):
        read_vector(tmp_path / "x.json", format="vllm-lens")


def test_steering_lite_adds_its_coefficient_times_v(llama, tmp_path):
    directions = rows(1, 3)
    cfg = {"method": "pca", "coeff": -1.5, "target_submodule": None}
    save_file({f"layer{n}.v": d for n, d in directions.items()}, tmp_path / "x.safetensors", {"cfg": json.dumps(cfg)})
    vector = read_vector(tmp_path / "x.safetensors")
    assert close(ours(llama, vector), hooked(llama, adding(directions, scale=-1.5)))
    cfg["method"] = "spherical"
    save_file({f"layer{n}.v": d for n, d in directions.items()}, tmp_path / "x.safetensors", {"cfg": json.dumps(cfg)})
    with pytest.raises(VectorError, match="more than add"):
        read_vector(tmp_path / "x.safetensors", format="steering-lite")


@pytest.mark.parametrize(
    ("layer", "hooks"), [(2, ("outputs", "model.layers.2")), (-1, ("outputs", "model.embed_tokens"))]
)
def test_steerkit_adds_alpha_times_the_default_direction(llama, tmp_path, layer, hooks):
    one, other = (d / d.norm() for d in rows(0, 1).values())
    about = {"schema_version": "3", "layer": str(layer), "n_total_layers": "4", "hook_site": "resid_post",
             "default_method": "mass_mean", "model_id": "tiny", "auto_alpha": "4.0"}  # fmt: skip
    save_file({"direction.logistic": one, "direction.mass_mean": other}, tmp_path / "x.probe.safetensors", about)
    vector = read_vector(tmp_path / "x.probe.safetensors")
    assert vector.origin.found == {"method": "mass_mean", "auto_alpha": "4.0"}
    side, module = hooks
    assert close(ours(llama, vector, 4.0), hooked(llama, **{side: {module: lambda h: h + 4.0 * other}}))


def test_steering_vectors_reads_plain_dicts_and_writes_the_code_that_loads_it(llama, tmp_path):
    directions = rows(1, 2)
    for kind, inner in (("decoder_block", ""), ("self_attn", ".self_attn"), ("mlp", ".mlp")):
        torch.save({"layer_activations": directions, "layer_type": kind}, tmp_path / "x.pt")
        vector = read_vector(tmp_path / "x.pt")
        hooks = {f"model.layers.{n}{inner}": lambda h, d=d: h + d for n, d in directions.items()}
        assert close(ours(llama, vector), hooked(llama, hooks))
        write_vector(vector, tmp_path / "y.safetensors", "steering-vectors")
        with safe_open(tmp_path / "y.safetensors", "pt") as file:
            code = file.metadata()["load"]
        scope = {}
        scope["SteeringVector"] = lambda activations, layer_type, scope=scope: scope.update(
            got=(activations, layer_type)
        )
        code = code.replace("from steering_vectors import SteeringVector\n", "")
        exec(code, {"PATH": tmp_path / "y.safetensors", **scope})
        activations, layer_type = scope["got"]
        assert layer_type == kind
        assert all(torch.equal(activations[n], d) for n, d in directions.items())


MANY = ("v.gguf gguf", "v.pt lm-eval", "v.svec svec", "w.json easysteer", "v.json vllm-lens", "l.safetensors steering-lite",
        "s.safetensors steering-vectors", "p.pt plain", "p.npy plain", "p.safetensors plain")  # fmt: skip


@pytest.mark.parametrize("what", MANY)
def test_one_direction_at_every_layer(tmp_path, what):
    name, format = what.split()
    row = torch.arange(1.0, 9.0)
    write_vector(SteeringVector({1: row, 3: row}), tmp_path / name, format, model_type="llama")
    vector = read_vector(tmp_path / name)
    assert all(torch.equal(vector[layer], row) for layer in (1, 3))


def test_saelens_row_at_its_hook(llama, tmp_path):
    decoder = torch.stack(list(rows(*range(5)).values()))
    save_file({"W_dec": decoder}, tmp_path / "sae_weights.safetensors")
    (tmp_path / "cfg.json").write_text(json.dumps({"metadata": {"hook_name": "blocks.2.hook_resid_pre"}}))
    for path in (f"{tmp_path}#3", f"{tmp_path / 'sae_weights.safetensors'}#3"):
        vector = read_vector(path)
        assert close(ours(llama, vector, 2.0), hooked(llama, inputs={"model.layers.2": lambda h: h + 2 * decoder[3]}))
    with pytest.raises(VectorError, match="holds 5 features"):
        read_vector(tmp_path)
    with pytest.raises(VectorError, match="cannot be written"):
        write_vector(vector, tmp_path / "x", "saelens")


@pytest.mark.parametrize("suffix", ["pt", "npy", "safetensors"])
def test_plain_tensors(llama, tmp_path, suffix):
    directions = rows(0, 1, 2, 3)
    one, stack = directions[2], torch.stack(list(directions.values()))

    def store(tensor, path):
        if suffix == "npy":
            numpy.save(path, tensor.numpy())
        else:
            torch.save(tensor, path) if suffix == "pt" else save_file({"v": tensor}, path)
        return path

    alone = store(one, tmp_path / f"one.{suffix}")
    assert close(ours(llama, read_vector(alone, layer=2)), hooked(llama, adding({2: one})))
    with pytest.raises(VectorError, match="does not say its layer"):
        read_vector(alone)
    stacked = store(stack, tmp_path / f"stack.{suffix}")
    assert close(ours(llama, read_vector(stacked)), hooked(llama, adding(directions)))
    assert read_vector(stacked, layer=3).layers == (3,)
    with_embedding = store(torch.cat([torch.zeros(1, 32), stack]), tmp_path / f"states.{suffix}")
    assert close(ours(llama, read_vector(with_embedding, offset=-1)), hooked(llama, adding(directions)))


def test_tensors_by_layer(llama, tmp_path):
    directions = rows(1, 3)
    torch.save(directions, tmp_path / "x.pt")
    save_file({f"blocks.{n}.direction": d for n, d in directions.items()}, tmp_path / "x.safetensors")
    for name in ("x.pt", "x.safetensors"):
        assert close(ours(llama, read_vector(tmp_path / name)), hooked(llama, adding(directions)))
    write_vector(SteeringVector(directions), tmp_path / "y.safetensors", "plain")
    assert set(load_file(tmp_path / "y.safetensors")) == {"layer_1", "layer_3"}


def test_directions_by_layer_are_checked(tmp_path):
    torch.save({"1": torch.ones(3, 4)}, tmp_path / "x.pt")
    with pytest.raises(VectorError, match="not directions by layer"):
        read_vector(tmp_path / "x.pt", format="plain")
    numpy.save(tmp_path / "x.npy", numpy.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UnsafeFileError, match="pickle"):
        read_vector(tmp_path / "x.npy", format="plain")


@pytest.mark.parametrize(
    "format", ["gguf", "caa", "svec", "easysteer", "steering-lite", "steerkit", "steering-vectors", "plain", "peft"]
)
def test_formats_that_add_refuse_vectors_that_act_otherwise(tmp_path, format):
    vector = SteeringVector(rows(2), edit="ablate")
    with pytest.raises(VectorError, match="acts by 'ablate'"):
        write_vector(vector, tmp_path / "vec_layer_2.pt", format)
    heads = replace(vector, edit="add", component="head_out")
    with pytest.raises(VectorError):
        write_vector(heads, tmp_path / "vec_layer_2.pt", format)


def test_the_hooks_of_these_tests_do_something(llama):
    assert not close(plain(llama), hooked(llama, adding(rows(2))), 0.05)
    assert len(plain(llama)) == len(IDS) - 1
    assert moved(SteeringVector(rows(1), parts={"mean": rows(1)}), 2).parts["mean"].keys() == {3}
