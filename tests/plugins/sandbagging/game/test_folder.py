"""Hostile submissions are refused, each for what is wrong with it."""

import json
import os
import pickle

import pytest

from steerstack.errors import DataError, UnsafeFileError
from steerstack.testing import tiny_model, tiny_tokenizer
from steerstack.util import digest
from steerstack_plugins.sandbagging.game.folder import model_files


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def model(saved, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for path in saved.iterdir():
        os.link(path, folder / path.name)
    return folder


def _write(path, text):
    path.unlink(missing_ok=True)
    path.write_text(text)


def _set(path, **more):
    _write(path, json.dumps(json.loads(path.read_text()) | more))


def test_files_are_named_with_their_digests(model):
    files = model_files(model)
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(files)
    assert files["config.json"] == digest.of_file(model / "config.json")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.pt", "extra.pkl", "modeling.py", "adapter_config.json"])
def test_pickles_code_and_adapters_of_other_models_are_refused(model, name):
    (model / name).write_bytes(pickle.dumps({}))
    with pytest.raises(UnsafeFileError, match="not among the files"):
        model_files(model)


def test_a_pickle_under_another_name_is_refused(model):
    (model / "more.safetensors").write_bytes(pickle.dumps([1, 2, 3]))
    with pytest.raises(UnsafeFileError, match="no safetensors file"):
        model_files(model)


def test_links_and_folders_are_refused(model, tmp_path):
    (model / "vocab.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(UnsafeFileError, match="link"):
        model_files(model)
    (model / "vocab.json").unlink()
    (model / "vocab.json").mkdir()
    with pytest.raises(DataError, match="no plain file"):
        model_files(model)


def test_a_linked_folder_is_refused(model, tmp_path):
    (tmp_path / "link").symlink_to(model)
    with pytest.raises(DataError, match="no folder"):
        model_files(tmp_path / "link")


@pytest.mark.parametrize(
    "more",
    [
        {"auto_map": {"AutoModelForCausalLM": "modeling.Mine"}},
        {"nested": {"trust_remote_code": True}},
        {"vocab_file": "/etc/passwd"},
        {"base": {"path": "../../other"}},
        {"list": ["C:\\models\\x"]},
    ],
)
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_configurations_that_run_code_or_lead_out_are_refused(model, name, more):
    _set(model / name, **more)
    with pytest.raises(UnsafeFileError, match=r"code|out of the folder"):
        model_files(model)


def test_where_a_model_was_saved_from_is_no_path_to_read(model):
    _set(model / "config.json", _name_or_path="/home/somebody/model", eos="</s>")
    assert "config.json" in model_files(model)


def test_an_index_of_weights_elsewhere_is_refused(model):
    _write(model / "model.safetensors.index.json", json.dumps({"weight_map": {"a": "../other.safetensors"}}))
    with pytest.raises(UnsafeFileError, match="not in the folder"):
        model_files(model)


def test_what_is_no_model_or_no_json_is_refused(model, tmp_path):
    _write(model / "config.json", "{")
    with pytest.raises(DataError, match="not JSON"):
        model_files(model)
    (model / "config.json").unlink()
    with pytest.raises(DataError, match="holds no model"):
        model_files(model)
