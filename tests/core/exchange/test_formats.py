"""Reading and writing vectors of other tools: finding the format out, layers, and refusals."""

import dataclasses
import json
import os
import pickle

import numpy
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from steerstack.catalog.manager import plugins
from steerstack.cli import app
from steerstack.errors import PluginError, SiteError, SteerstackError, UnsafeFileError, VectorError
from steerstack.exchange.formats import keep, read_vector, write_vector
from steerstack.steering.vector import Origin, SteeringVector


@pytest.fixture
def vector():
    drawn = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    return SteeringVector(dict(zip((1, 2, 3), drawn, strict=True)), origin=Origin(method="mean-difference"))


class Harmful:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@dataclasses.dataclass
class PickledVector:
    """As the package steering-vectors keeps its own."""

    layer_activations: dict
    layer_type: str = "decoder_block"


def test_ours_is_read_first_and_with_all_it_says(vector, tmp_path):
    write_vector(vector, tmp_path / "v.safetensors")
    again = read_vector(tmp_path / "v.safetensors")
    assert again.fingerprint == vector.fingerprint
    assert again.origin.method == "mean-difference"
    assert read_vector(tmp_path / "v.safetensors", format="steerstack").fingerprint == vector.fingerprint
    save_file({f"layer.{n}": d for n, d in vector.directions.items()}, tmp_path / "bare.safetensors")
    assert read_vector(tmp_path / "bare.safetensors").fingerprint == vector.fingerprint


@pytest.mark.parametrize(
    ("format", "name"),
    [
        ("gguf", "v.gguf"), ("lm-eval", "v.pt"), ("caa", "vec_layer_2_x.pt"), ("svec", "v.svec"), ("easysteer", "v.json"),
        ("vllm-lens", "v.json"), ("steering-lite", "v.safetensors"), ("steerkit", "v.safetensors"),
        ("steering-vectors", "v.safetensors"), ("plain", "v.safetensors"), ("plain", "v.pt"), ("plain", "v.npy"),
    ],
)  # fmt: skip
def test_every_format_knows_its_own_files_and_no_other_does(vector, tmp_path, format, name):
    single_layer = vector.only(2)
    write_vector(single_layer, tmp_path / name, format, model_type="llama")
    again = read_vector(tmp_path / name)
    assert again.origin.parameters == {"format": format, "file": name}
    assert again.fingerprint == single_layer.fingerprint
    assert again.edit == "add"
    specific = [cls for cls in plugins().offers("vector-format").values() if not cls.generic]
    assert [cls.name for cls in specific if cls().recognises(tmp_path / name)] == (
        [] if format == "plain" else [format]
    )


def test_layers(vector, tmp_path):
    write_vector(vector, tmp_path / "v.gguf", "gguf")
    assert read_vector(tmp_path / "v.gguf", layer=2).layers == (2,)
    assert read_vector(tmp_path / "v.gguf", offset=-1).layers == (0, 1, 2)
    with pytest.raises(SiteError, match="no layer 7"):
        read_vector(tmp_path / "v.gguf", layer=7)
    with pytest.raises(SiteError, match="cannot be moved"):
        read_vector(tmp_path / "v.gguf", offset=-2)
    assert keep(vector, (3, 1)).layers == (1, 3)


def test_what_cannot_be_read_is_said(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"nothing of the kind")
    with pytest.raises(VectorError, match="no vector format that steerstack knows") as caught:
        read_vector(tmp_path / "x.bin")
    for name in ("gguf", "lm-eval", "plain", "steerstack"):
        assert name in str(caught.value)
    with pytest.raises(VectorError, match="no vector file"):
        read_vector(tmp_path / "absent.pt")
    with pytest.raises(VectorError, match="no vector file"):
        read_vector(tmp_path / "absent#3")
    with pytest.raises(PluginError, match="did you mean 'gguf'"):
        read_vector(tmp_path / "x.bin", format="ggff")
    with pytest.raises(VectorError, match="no vector format that steerstack knows"):
        read_vector(tmp_path)
    for format in plugins().offers("vector-format"):
        with pytest.raises(VectorError):
            read_vector(tmp_path, format=format)


@pytest.mark.parametrize(
    "name", ["x.pt", "vec_layer_2_x.pt", "x.pth", "x.safetensors", "x.npy", "x.gguf", "x.svec", "x.json"]
)
def test_no_pickle_is_run_whatever_it_is_called(tmp_path, name):
    ran = tmp_path / "ran"
    harmful = Harmful(ran)
    stores = [
        lambda path: torch.save({"layers.1": {"steering_vector": harmful, "action": "add"}}, path),
        lambda path: torch.save(harmful, path, _use_new_zipfile_serialization=False),
        lambda path: path.write_bytes(pickle.dumps(harmful, protocol=4)),
        lambda path: path.write_bytes(pickle.dumps(harmful, protocol=2)),
    ]
    for store in stores:
        store(tmp_path / name)
        for format in (None, *plugins().offers("vector-format")):
            with pytest.raises(VectorError):
                read_vector(tmp_path / name, format=format)
        with pytest.raises(UnsafeFileError):
            read_vector(tmp_path / name)
    assert not ran.exists()


def test_pickled_objects_of_other_packages_are_refused_with_the_reason(vector, tmp_path):
    torch.save(PickledVector(dict(vector.directions)), tmp_path / "x.pt")
    with pytest.raises(UnsafeFileError, match="nothing in it is run"):
        read_vector(tmp_path / "x.pt", format="steering-vectors")
    torch.save(dataclasses.asdict(PickledVector(dict(vector.directions))), tmp_path / "x.pt")
    assert read_vector(tmp_path / "x.pt").origin.parameters["format"] == "steering-vectors"


def run(*args):
    return CliRunner().invoke(app, list(map(str, args)))


def test_import_and_export_on_the_command_line(vector, tiny_folder, tmp_path):
    vector.save(tmp_path / "v.safetensors")
    args = ("vectors", "export", tmp_path / "v.safetensors", "--format", "gguf", "--out", tmp_path / "x.gguf")
    result = run(*args, "--layers", "2,3", "--scale", "0.5", "--model", tiny_folder, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["layers"] == [2, 3]
    assert "0-based block" in report["convention"]
    assert "RMSNorm" in report["portability"]
    result = run(
        "vectors", "import", tmp_path / "x.gguf", "--out", tmp_path / "y.safetensors", "--model-name", "m", "--json"
    )
    assert result.exit_code == 0, result.output
    header = json.loads(result.stdout)
    assert (header["model_name"], header["method"], header["site"]) == ("m", "imported", "resid_post")
    assert header["found"]["model_type"] == "llama"
    again = SteeringVector.load(tmp_path / "y.safetensors")
    assert torch.allclose(again[3], vector[3] / 2)
    numpy.save(tmp_path / "d.npy", numpy.ones(8, dtype="float32"))
    assert (
        run("vectors", "import", tmp_path / "d.npy", "--layer", 1, "--out", tmp_path / "z.safetensors").exit_code == 0
    )
    assert SteeringVector.load(tmp_path / "z.safetensors").layers == (1,)
    failed = run("vectors", "import", tmp_path / "d.npy", "--out", tmp_path / "z.safetensors")
    assert isinstance(failed.exception, SteerstackError)
    result = run(*args[:3], "--format", "plain", "--out", tmp_path / "p.npy", "--model", tiny_folder)
    assert result.exit_code == 0, result.output
