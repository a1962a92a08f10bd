"""Vector files: what is written is read back, and what is not a vector is refused."""

import base64
import json
import math
import pickle
import struct
from dataclasses import FrozenInstanceError, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save, save_file

from steerstack.errors import (
    ArgumentError,
    DegenerateDirectionError,
    SiteError,
    SteerstackError,
    UnsafeFileError,
    VectorError,
)
from steerstack.steering.site import Site
from steerstack.steering.vector import Origin, SteeringVector, cosine, random_like

torch.set_num_threads(1)
ORIGIN = Origin(
    "mean_difference", {"centred": True}, "answer", "org/model", "f" * 64, "d" * 64, 40, "sycophancy — agreeing"
)


def vector(seed=0, layers=(1, 4, 10), width=6, component="resid_post", origin=ORIGIN):
    generator = torch.Generator().manual_seed(seed)
    return SteeringVector({n: torch.randn(width, generator=generator) for n in layers}, component, origin)


def same(a, b):
    return a.layers == b.layers and all(torch.equal(a[n], b[n]) for n in a.layers)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "v.safetensors"
    vector().save(path)
    return path


def test_a_ledger_keeps_everything_too():
    parts = {"mean": {1: torch.arange(6.0), 4: torch.ones(6)}}
    first = replace(vector(layers=(1, 4)), edit="affine", parts=parts)
    value = json.loads(json.dumps(first.to_json(), allow_nan=False))
    again = SteeringVector.from_json(value, "a step")
    assert (again.fingerprint, again.origin, again.edit) == (first.fingerprint, first.origin, first.edit)
    with pytest.raises(VectorError, match="a step is not a steering vector"):
        SteeringVector.from_json(
            {**value, "tensors": base64.b64encode(save({"other": torch.ones(2)})).decode()}, "a step"
        )


@pytest.mark.parametrize("component", ["resid_pre", "attn_out", "mlp_out", "resid_post"])
def test_a_round_trip_keeps_everything(tmp_path, component):
    path, first = tmp_path / "deep" / "er" / "v.safetensors", vector(component=component)
    first.save(path)
    again = SteeringVector.load(str(path))
    assert same(first, again)
    assert again.fingerprint == first.fingerprint
    assert (again.component, again.origin, again.norms) == (component, ORIGIN, first.norms)


def test_one_direction_at_every_layer_is_kept_too(tmp_path):
    row = torch.arange(1.0, 7.0)
    first = SteeringVector({1: row, 4: row}, parts={"mean": {1: row, 4: row}})
    first.save(tmp_path / "v.safetensors")
    assert same(first, SteeringVector.load(tmp_path / "v.safetensors"))
    assert same(first, SteeringVector.from_json(first.to_json(), "here"))


@settings(deadline=None, max_examples=30)
@given(st.text(st.characters(codec="utf-8"), max_size=40), st.sets(st.integers(0, 99), min_size=1, max_size=5))
def test_a_round_trip_keeps_any_name_and_any_layers(tmp_path_factory, name, layers):
    path = tmp_path_factory.mktemp("v") / "v.safetensors"
    first = vector(layers=sorted(layers), origin=replace(ORIGIN, behavior=name, parameters={"note": name}))
    first.save(path)
    again = SteeringVector.load(path)
    assert same(first, again)
    assert again.origin == first.origin


def test_a_header_of_any_length_reads_back(tmp_path):
    refused = []
    for extra in range(0, 1600, 4):
        path = tmp_path / "v.safetensors"
        vector(origin=replace(ORIGIN, model_name="m" * extra)).save(path)
        try:
            SteeringVector.load(path)
        except VectorError as error:
            refused.append((struct.unpack("<Q", path.read_bytes()[:8])[0], type(error).__name__))
    assert refused == []


def test_a_negative_layer_is_refused_before_it_is_written():
    with pytest.raises((SiteError, VectorError)):
        vector(layers=(-1,))


def test_the_file_is_as_the_contract_says(file):
    with safe_open(file, "pt") as archive:
        assert sorted(archive.keys()) == ["layer.1", "layer.10", "layer.4"]
        assert all(archive.get_tensor(name).dtype == torch.float32 for name in archive.keys())  # noqa: SIM118
        assert all(archive.get_tensor(name).shape == (6,) for name in archive.keys())  # noqa: SIM118
        assert torch.equal(archive.get_tensor("layer.10"), vector()[10])
        header = json.loads(archive.metadata()["steerstack"])
    assert header["format_version"] == 1
    assert (header["site"], header["basis"], header["behavior"]) == ("resid_post", "hf-raw", "sycophancy — agreeing")
    assert (header["method"], header["parameters"], header["position"]) == (
        "mean_difference", {"centred": True}, "answer",
    )  # fmt: skip
    assert (header["model_name"], header["model_fingerprint"]) == ("org/model", "f" * 64)
    assert (header["data_digest"], header["n_pairs"]) == ("d" * 64, 40)
    assert header["norms"] == {str(n): pytest.approx(float(vector()[n].norm())) for n in (1, 4, 10)}


def test_half_precision_and_strided_directions_are_written_as_float32(tmp_path):
    strided = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))[:, 0]
    path, first = tmp_path / "v.safetensors", SteeringVector({0: strided.bfloat16(), 1: strided})
    first.save(path)
    again = SteeringVector.load(path)
    assert torch.equal(again[0], first[0].float())
    assert torch.equal(again[1], strided)
    assert again.fingerprint == first.fingerprint


def test_saving_twice_gives_the_same_bytes(tmp_path):
    vector().save(tmp_path / "a")
    vector().save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_fingerprint_follows_directions_and_component_not_origin():
    one = vector()
    assert vector(origin=Origin()).fingerprint == one.fingerprint
    others = [vector(1), vector(component="mlp_out"), vector(layers=(1, 4, 11)), one * 2]
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 5
    shuffled = SteeringVector({n: one[n] for n in (10, 1, 4)})
    assert (shuffled.fingerprint, shuffled.layers) == (one.fingerprint, (1, 4, 10))


def test_algebra():
    a, b = vector(0), vector(1)
    for n in a.layers:
        assert torch.equal((a + b)[n], a[n] + b[n])
        assert torch.equal((a - b)[n], a[n] - b[n])
        assert torch.equal((a * 2.5)[n], a[n] * 2.5)
        assert torch.equal((2.5 * a)[n], a[n] * 2.5)
        assert torch.equal((-a)[n], -a[n])
    assert same(-1.0 * (-a), a)
    assert (a + b).fingerprint == (b + a).fingerprint
    assert (a + b).origin.method == "sum"
    assert len((a + b).origin.parameters["of"]) == 2
    assert same(a, vector(0))


def test_what_is_computed_says_so_in_its_origin():
    one = vector()
    turned = -one
    assert (turned.origin.method, turned.origin.parameters["factor"]) == ("scaled", -1.0)
    assert turned.origin.parameters["of"]["method"] == ORIGIN.method
    assert turned.origin.model_fingerprint == ORIGIN.model_fingerprint  # it belongs to the same model
    assert (3 * turned / 2).origin.parameters == {"factor": -1.5, "of": turned.origin.parameters["of"]}
    assert one.origin == ORIGIN
    assert [part["method"] for part in (one - one * 2).origin.parameters["of"]] == ["mean_difference", "scaled"]


def test_a_sum_of_vectors_of_two_models_belongs_to_neither():
    one, other = (
        vector(),
        vector(1, origin=replace(ORIGIN, model_fingerprint="a" * 64, n_pairs=2, data_digest="e" * 64)),
    )
    both = (one + other).origin
    assert both.model_fingerprint == f"{'f' * 64} + {'a' * 64}"
    assert (both.n_pairs, both.behavior, both.position) == (42, ORIGIN.behavior, "answer")
    assert (one + one * 2).origin.model_fingerprint == "f" * 64
    assert (one + one * 2).origin.n_pairs == 40


@pytest.mark.parametrize(
    "wrong", [lambda v: v + 1, lambda v: v + v.at(1), lambda v: v * "2", lambda v: v * v, lambda v: v - "v"]
)
def test_what_is_no_vector_is_not_added(wrong):
    with pytest.raises(ArgumentError, match="do:"):
        wrong(vector())


def test_a_vector_shows_itself():
    shown = repr(vector())
    assert "sycophancy" in shown
    assert "layers 1, 4, 10" in shown
    assert "org/model" in shown
    page = replace(vector(), origin=replace(ORIGIN, behavior="<b>bold</b>"))._repr_html_()
    assert page.count("<rect") == 3
    assert "&lt;b&gt;bold" in page
    assert "<b>bold" not in page


def test_a_sum_can_be_saved(tmp_path):
    total = vector(0) + vector(1)
    total.save(tmp_path / "v")
    assert SteeringVector.load(tmp_path / "v").origin == total.origin


def test_only_like_vectors_are_added():
    for other in (vector(layers=(1, 4)), vector(component="mlp_out")):
        with pytest.raises(VectorError, match="same component and layers"):
            vector() + other
        with pytest.raises(VectorError, match="same component and layers"):
            vector() - other


def test_vectors_of_two_widths_are_not_added():
    with pytest.raises(VectorError):
        vector() + vector(width=5)


@pytest.mark.parametrize("factor", [0.0, math.nan, math.inf])
def test_a_factor_that_leaves_no_direction_is_refused(factor):
    with pytest.raises(DegenerateDirectionError):
        vector() * factor


def test_a_vector_minus_itself_is_refused():
    with pytest.raises(DegenerateDirectionError, match="layer 1 is zero"):
        vector() - vector()


@pytest.mark.parametrize(
    ("directions", "error"),
    [
        ({}, "has no layers"), ({0: torch.ones(3), 1: torch.ones(4)}, "one width"),
        ({0: torch.ones(2, 3)}, "one width"), ({0: torch.tensor(1.0)}, "one width"),
    ],
)  # fmt: skip
def test_no_layers_or_other_shapes_are_refused(directions, error):
    with pytest.raises(VectorError, match=error):
        SteeringVector(directions)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0])
def test_degenerate_directions_are_refused_and_the_layer_named(bad):
    with pytest.raises(DegenerateDirectionError, match="layer 3"):
        SteeringVector({2: torch.ones(2), 3: torch.tensor([bad, 0.0])})


def test_a_layer_that_it_has_not_is_refused():
    assert vector().site(4) == Site("resid_post", 4)
    for layer in (0, 11, -1):
        with pytest.raises(SiteError, match=f"no layer {layer}") as caught:
            vector()[layer]
        assert "1, 4, 10" in str(caught.value)


def test_frozen():
    with pytest.raises(FrozenInstanceError):
        vector().component = "mlp_out"


def test_a_missing_file_is_named(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(VectorError, match="There is no vector file") as caught:
            SteeringVector.load(path)
        assert str(path) in str(caught.value)


def test_a_file_cut_anywhere_is_refused(file):
    whole = file.read_bytes()
    for length in [0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 20, len(whole) - 1]:
        file.write_bytes(whole[:length])
        with pytest.raises(VectorError, match="cannot be read as safetensors") as caught:
            SteeringVector.load(file)
        assert f"{length} bytes" in str(caught.value)
        assert "cut short" in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [["weight"], ["layer.1", "bias"], ["layer."], ["layer.x"], ["layer.-1"], ["layer.1.weight"], ["layer.²"], []],
)
def test_other_tensors_are_not_a_vector(tmp_path, names):
    path = tmp_path / "v.safetensors"
    save_file({name: torch.ones(3) for name in names}, path)
    with pytest.raises(VectorError, match="is not a steering vector"):
        SteeringVector.load(path)


def test_tensors_of_wrong_shape_or_value_are_refused(tmp_path):
    for tensors, error in [
        ({"layer.0": torch.ones(2, 3)}, VectorError),
        ({"layer.0": torch.ones(2), "layer.1": torch.ones(3)}, VectorError),
        ({"layer.0": torch.tensor([math.nan, 1.0])}, DegenerateDirectionError),
        ({"layer.0": torch.zeros(3)}, DegenerateDirectionError),
    ]:
        save_file(tensors, tmp_path / "v")
        with pytest.raises(error):
            SteeringVector.load(tmp_path / "v")


def test_two_names_for_one_layer_are_refused(tmp_path):
    save_file({"layer.1": torch.ones(3), "layer.01": -torch.ones(3)}, tmp_path / "v")
    with pytest.raises(VectorError):
        SteeringVector.load(tmp_path / "v")


class Trap:
    """Leaves a trace where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_in_disguise_is_not_opened(tmp_path, protocol):
    path = tmp_path / "v.safetensors"
    path.write_bytes(pickle.dumps(Trap(tmp_path / "sprung"), protocol))
    with pytest.raises(UnsafeFileError, match="is a pickle"):
        SteeringVector.load(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("protocol", [0, 1])
def test_an_ancient_pickle_is_not_opened(tmp_path, protocol):
    path = tmp_path / "v.safetensors"
    path.write_bytes(pickle.dumps(Trap(tmp_path / "sprung"), protocol))
    with pytest.raises(VectorError):
        SteeringVector.load(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_torch_file_in_disguise_is_not_opened(tmp_path, zipped):
    path = tmp_path / "v.safetensors"
    torch.save({"layer.0": torch.ones(3)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeFileError, match="is a pickle"):
        SteeringVector.load(path)


def written(tmp_path, header):
    save_file({"layer.0": torch.ones(3)}, tmp_path / "v", metadata={"steerstack": header})
    return tmp_path / "v"


def test_a_newer_format_is_refused(tmp_path):
    with pytest.raises(VectorError, match="newer steerstack") as caught:
        SteeringVector.load(written(tmp_path, '{"format_version": 2}'))
    assert "pip install -U" in str(caught.value)


@pytest.mark.parametrize("header", ["{", "", "[1]", "7", "no"])
def test_a_header_that_is_not_json_is_refused(tmp_path, header):
    with pytest.raises(VectorError, match="is not JSON"):
        SteeringVector.load(written(tmp_path, header))


def test_an_unknown_site_in_the_header_is_refused(tmp_path):
    with pytest.raises(VectorError, match="unknown site"):
        SteeringVector.load(written(tmp_path, '{"site": "head_in"}'))


def test_a_header_may_say_more_or_less(tmp_path):
    loaded = SteeringVector.load(written(tmp_path, '{"format_version": 1, "method": "pca", "colour": "red"}'))
    assert (loaded.component, loaded.origin) == ("resid_post", Origin(method="pca"))
    save_file({"layer.7": torch.ones(3, dtype=torch.float16)}, tmp_path / "bare")
    bare = SteeringVector.load(tmp_path / "bare")
    assert (bare.layers, bare.origin, bare[7].dtype) == ((7,), Origin(), torch.float32)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.integers(2, 8))
def test_random_like_keeps_norms_and_follows_its_seed(seed, width):
    like = vector(3, width=width, component="mlp_out") * 7
    null = random_like(like, seed)
    assert null.norms == pytest.approx(like.norms, rel=1e-5)
    assert (null.layers, null.component, null.origin.method) == (like.layers, "mlp_out", "random")
    assert null.origin.parameters == {"seed": seed, "norms_of": like.fingerprint}
    assert random_like(like, seed).fingerprint == null.fingerprint
    assert random_like(like, seed + 1).fingerprint != null.fingerprint


def test_random_like_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    random_like(vector(), 0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_cosine():
    a = torch.tensor([3.0, 0.0])
    assert cosine(a, a * 5) == pytest.approx(1)
    assert cosine(a, -a) == pytest.approx(-1)
    assert cosine(a, torch.tensor([0.0, 2.0])) == pytest.approx(0)
    assert math.isnan(cosine(a, torch.tensor([math.nan, 1.0])))


def test_saving_where_nothing_can_be_written_loses_nothing(tmp_path, file):
    before = file.read_bytes()
    for path in (file / "v.safetensors", tmp_path / ("x" * 300)):
        with pytest.raises(SteerstackError, match="could not be written"):
            vector(1).save(path)
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == ["v.safetensors"]


def test_saving_over_an_older_file_replaces_it(tmp_path, file):
    vector(1).save(file)
    assert same(SteeringVector.load(file), vector(1))
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == ["v.safetensors"]


def changed(path, **changes):
    """The same tensors under a header with changes; a value of None takes the entry out."""
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["steerstack"]) | changes
    entries = {key: value for key, value in about.items() if value is not None}
    save_file(tensors, path, metadata={"steerstack": json.dumps(entries)})


def test_bits_that_the_header_does_not_describe_are_refused(tmp_path):
    path = tmp_path / "v.safetensors"
    SteeringVector({1: torch.tensor([3.0, 4.0]), 2: torch.tensor([1.0, 0.0])}).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 64]))
    with pytest.raises(VectorError, match="not those that its header describes"):
        SteeringVector.load(path)
    for norms in ({"1": 5.0}, {"1": 5.0, "2": 1.1}, {"1": 5.0, "3": 1.0}, {"1": "x", "2": 1.0}, [5.0, 1.0]):
        path.write_bytes(whole)
        changed(path, norms=norms)
        with pytest.raises(VectorError, match="not those that its header describes"):
            SteeringVector.load(path)


def test_files_of_before_there_were_digests_load(tmp_path):
    path = tmp_path / "v.safetensors"
    vector = SteeringVector({1: torch.tensor([3.0, 4.0])})
    vector.save(path)
    changed(path, digest=None, norms={"1": 5.03})  # norms were as rounded as the activations' dtype
    assert SteeringVector.load(path).fingerprint == vector.fingerprint
    changed(path, norms=None)
    assert SteeringVector.load(path).fingerprint == vector.fingerprint
    changed(path, norms={"1": 6.0})
    with pytest.raises(VectorError, match="norm 5 at layer 1, 6"):
        SteeringVector.load(path)


def test_a_vector_in_json_is_checked_like_a_file():
    value = SteeringVector({1: torch.tensor([3.0, 4.0])}).to_json()
    other = SteeringVector({1: torch.tensor([4.0, 3.0])}).to_json()
    with pytest.raises(VectorError, match="not those that its header describes"):
        SteeringVector.from_json({**value, "tensors": other["tensors"]}, "the ledger")
    for damaged in ({**value, "tensors": "?"}, {**value, "tensors": ""}, {"header": {}}, {**value, "header": 3}):
        with pytest.raises(VectorError, match="damaged"):
            SteeringVector.from_json(damaged, "the ledger")
