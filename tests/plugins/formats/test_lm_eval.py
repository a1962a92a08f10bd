"""lm-eval's files, by lm-evaluation-harness itself: its steered model gives our steered log-probabilities."""

import sys
import warnings
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.plugins.formats.foreign import IDS, chosen, close, ours, rows

from steerstack.errors import VectorError
from steerstack.exchange.formats import read_vector, write_vector
from steerstack.steering.vector import SteeringVector
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folders_by_kind = {}
    for kind in ("llama", "gpt2"):
        folders_by_kind[kind] = tmp_path_factory.mktemp("models") / kind
        tiny_model(kind).save_pretrained(folders_by_kind[kind])
        tiny_tokenizer().save_pretrained(folders_by_kind[kind])
    return folders_by_kind


def by_lm_eval(folder, path):
    """Log-probabilities of its steered model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lm_eval.models.hf_steered import SteeredModel

        model = SteeredModel(str(folder), str(path), device="cpu", dtype="float32", max_length=64)
        with torch.no_grad():
            return chosen(model._model_call(torch.tensor([IDS])))


def entry(vector, coefficient, action="add", bias=None):
    return {
        "steering_vector": vector,
        "steering_coefficient": coefficient,
        "action": action,
        "bias": bias,
        "head_index": None,
    }


@pytest.mark.parametrize(("kind", "blocks"), [("llama", "layers"), ("gpt2", "h")])
def test_what_is_written_there_is_read_here(folders, tmp_path, kind, blocks):
    model = open_model(str(folders[kind]))
    torch.save({f"{blocks}.{n}": entry(d, 0.5 + n) for n, d in rows(1, 2).items()}, tmp_path / "x.pt")
    vector = read_vector(tmp_path / "x.pt")
    assert close(ours(model, vector), by_lm_eval(folders[kind], tmp_path / "x.pt"))
    write_vector(vector, tmp_path / "y.pt", "lm-eval", model=model)
    assert close(ours(model, vector), by_lm_eval(folders[kind], tmp_path / "y.pt"))


def test_sublayers(folders, tmp_path):
    model = open_model(str(folders["llama"]))
    for component in ("attn_out", "mlp_out"):
        vector = SteeringVector(rows(1, 2), component)
        write_vector(vector, tmp_path / "x.pt", "lm-eval", model=model)
        assert close(ours(model, vector), by_lm_eval(folders["llama"], tmp_path / "x.pt"))
        assert read_vector(tmp_path / "x.pt").component == component


def test_clamp_is_the_affine_edit_at_scale_1(folders, tmp_path):
    model = open_model(str(folders["llama"]))
    bias = rows(0, seed=5)[0]
    content = {
        "layers.1": entry(rows(1)[1], 3.0, "clamp", bias),
        "layers.2": entry(rows(2, seed=4)[2], -2.0, "clamp"),
    }
    torch.save(content, tmp_path / "x.pt")
    vector = read_vector(tmp_path / "x.pt")
    assert vector.edit == "ace"
    assert close(ours(model, vector), by_lm_eval(folders["llama"], tmp_path / "x.pt"))
    write_vector(vector, tmp_path / "y.pt", "lm-eval", model=model)
    assert close(ours(model, vector), by_lm_eval(folders["llama"], tmp_path / "y.pt"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"layers.1": entry(torch.ones(4), 1.0), "layers.2.mlp": entry(torch.ones(4), 1.0)}, "several"),
        ({"layers.1": {**entry(torch.ones(4), 1.0), "head_index": 2}}, "single heads"),
        ({"lm_head": entry(torch.ones(4), 1.0)}, "not known"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, content, said):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(VectorError, match=said):
        read_vector(tmp_path / "x.pt", format="lm-eval")


def table(folder, action):
    """An autoencoder of sparsify, and a table that names one of its features."""
    decoder = torch.stack(list(rows(*range(4)).values()))
    (folder / "sae" / "layers.1").mkdir(parents=True)
    save_file({"W_dec": decoder, "b_dec": rows(9, seed=9)[9]}, folder / "sae" / "layers.1" / "sae.safetensors")
    columns = "loader,action,sparse_model,hookpoint,feature_index,steering_coefficient,head_index,sae_id,description"
    (folder / "x.csv").write_text(f"{columns}\nsparsify,{action},{folder / 'sae'},layers.1,2,3.5,,,kind\n")
    return folder / "x.csv"


def test_a_table_that_clamps_a_feature(folders, tmp_path, monkeypatch):
    path = table(tmp_path, "clamp")

    class SparseCoder:
        """What lm-eval takes from the package sparsify."""

        @staticmethod
        def load_from_disk(folder):
            return SimpleNamespace(**load_file(folder / "sae.safetensors"))

    monkeypatch.setitem(sys.modules, "sparsify", SimpleNamespace(SparseCoder=SparseCoder))
    model = open_model(str(folders["llama"]))
    assert close(ours(model, read_vector(path)), by_lm_eval(folders["llama"], path))


def test_a_table_that_adds_a_feature(tmp_path):
    vector = read_vector(table(tmp_path, "add"))
    assert torch.allclose(vector[1], 3.5 * rows(*range(4))[2])


@pytest.mark.parametrize(("old", "new"), [("sparsify", "sae_lens"), (",2,3.5", ",7,3.5"), (",add,", ",turn,")])
def test_tables_that_cannot_be_read(tmp_path, old, new):
    path = table(tmp_path, "add")
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(VectorError):
        read_vector(path, format="lm-eval-csv")
