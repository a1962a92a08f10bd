"""Features of sparse autoencoders: the exact row, at the hook's site, from files that cannot run code."""

import json
import pickle

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from safetensors.torch import save_file

from steerstack.catalog.data import load_data
from steerstack.errors import ExtractionError, ParameterError, SiteError, UnsafeFileError
from steerstack.steering.site import Site
from steerstack.techniques.apply import apply
from steerstack.techniques.extract import extract
from steerstack_plugins.extraction.sae import SaeFeature, parse_hook

FEATURES = 50


def autoencoder(folder, *, hook="blocks.2.hook_resid_post", width=32, dtype=torch.float32, nested=True, **more):
    """A folder as sae-lens writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)

    def noise(*shape):
        return torch.randn(shape, generator=generator).to(dtype)

    tensors = {
        "W_enc": noise(width, FEATURES),
        "W_dec": noise(FEATURES, width),
        "b_enc": noise(FEATURES),
        "b_dec": noise(width),
    }
    save_file(tensors, folder / "sae_weights.safetensors")
    about = {"model_name": "tiny", "hook_name": hook}
    config = {
        "d_in": width,
        "d_sae": FEATURES,
        "dtype": str(dtype).removeprefix("torch."),
        "device": "cpu",
        "architecture": "standard",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        **more,
    }
    # since sae-lens 6.0 what concerns the model stands under "metadata", before that at the top
    config |= {"metadata": {"sae_lens_version": "6.54.12", **about}} if nested else about
    (folder / "cfg.json").write_text(json.dumps(config))
    return tensors["W_dec"]


@pytest.fixture
def data(table):
    return load_data(table).limit(2)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_the_exact_row(llama, data, tmp_path, nested, dtype):
    decoder = autoencoder(tmp_path / "sae", nested=nested, dtype=dtype)
    for feature in (0, 17, FEATURES - 1):
        vector = extract(llama, data, SaeFeature(path=str(tmp_path / "sae"), feature=feature))
        assert vector.layers == (2,)
        assert vector.component == "resid_post"
        assert vector[2].dtype == torch.float32
        assert torch.equal(vector[2], decoder[feature].float())
    assert vector.origin.found == {
        "features": FEATURES,
        "architecture": "standard",
        "model_name": "tiny",
        "hook_name": "blocks.2.hook_resid_post",
    }
    llama.check_plan(apply(vector, 2))


@pytest.mark.parametrize(
    ("hook", "site"),
    [
        ("blocks.3.hook_resid_pre", Site("resid_pre", 3)),
        ("blocks.0.hook_mlp_out", Site("mlp_out", 0)),
        ("blocks.1.hook_attn_out", Site("attn_out", 1)),
        ("blocks.1.attn.hook_z", Site("head_out", 1)),
        ("model.layers.2", Site("resid_post", 2)),
        ("transformer.h.1", Site("resid_post", 1)),
        ("layers.1", Site("resid_post", 1)),
    ],
)
def test_the_hook_says_where_it_acts(llama, data, tmp_path, hook, site):
    autoencoder(tmp_path / "sae", hook=hook)
    vector = extract(llama, data, SaeFeature(path=str(tmp_path / "sae"), feature=1))
    assert (vector.component, vector.layers) == (site.component, (site.layer,))


def test_an_unknown_hook_needs_a_layer(llama, data, tmp_path):
    assert parse_hook("blocks.2.ln1.hook_normalized") is None
    decoder = autoencoder(tmp_path / "sae", hook="blocks.2.ln1.hook_normalized")
    with pytest.raises(ExtractionError, match="--set layer=N"):
        extract(llama, data, SaeFeature(path=str(tmp_path / "sae"), feature=1))
    vector = extract(llama, data, SaeFeature(path=str(tmp_path / "sae"), feature=1, layer=1))
    assert torch.equal(vector[1], decoder[1])


def test_a_plain_safetensors_file_will_do(llama, data, tmp_path):
    rows = torch.randn(7, 32)
    save_file({"W_dec": rows}, tmp_path / "rows.safetensors")
    method = SaeFeature.make({"path": str(tmp_path / "rows.safetensors"), "feature": "3", "layer": "1"})
    assert torch.equal(extract(llama, data, method)[1], rows[3])


def test_what_does_not_fit_is_refused(llama, data, tmp_path):
    autoencoder(tmp_path / "wide", width=64)
    with pytest.raises(ExtractionError, match=r"rows of width 64; resid_post\.2 has width 32"):
        extract(llama, data, SaeFeature(path=str(tmp_path / "wide"), feature=1))
    autoencoder(tmp_path / "deep", hook="blocks.9.hook_resid_post")
    with pytest.raises(SiteError, match="Layer 9 is out of range"):
        extract(llama, data, SaeFeature(path=str(tmp_path / "deep"), feature=1))
    autoencoder(tmp_path / "sae")
    with pytest.raises(ExtractionError, match="Use 0 to 49"):
        extract(llama, data, SaeFeature(path=str(tmp_path / "sae"), feature=50))
    save_file({"decoder": torch.randn(3, 32)}, tmp_path / "other.safetensors")
    with pytest.raises(ExtractionError, match="has no W_dec"):
        extract(llama, data, SaeFeature(path=str(tmp_path / "other.safetensors"), feature=1, layer=1))
    with pytest.raises(ExtractionError, match="There is no file or folder"):
        extract(llama, data, SaeFeature(path="/nowhere/at all", feature=1, layer=1))
    with pytest.raises(ParameterError, match="path"):
        SaeFeature.make({"feature": 1})


def test_pickles_archives_and_damaged_files_are_refused(llama, data, tmp_path):
    decoder = torch.randn(3, 32)
    (tmp_path / "sae.pkl").write_bytes(pickle.dumps({"W_dec": decoder}))
    torch.save({"W_dec": decoder}, tmp_path / "sae.pt")
    np.savez(tmp_path / "sae.npz", W_dec=decoder.numpy())
    for name in ("sae.pkl", "sae.pt", "sae.npz"):
        with pytest.raises(UnsafeFileError, match="not a safetensors file"):
            extract(llama, data, SaeFeature(path=str(tmp_path / name), feature=0, layer=1))
    # a pickle under another name is not run either
    (tmp_path / "sae.safetensors").write_bytes((tmp_path / "sae.pt").read_bytes())
    with pytest.raises(ExtractionError, match="cannot be read"):
        extract(llama, data, SaeFeature(path=str(tmp_path / "sae.safetensors"), feature=0, layer=1))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ExtractionError, match=r"holds no sae_weights\.safetensors"):
        extract(llama, data, SaeFeature(path=str(tmp_path / "empty"), feature=0))


def test_the_hub_is_asked_for_what_is_not_here(llama, data, tmp_path, monkeypatch):
    decoder = autoencoder(tmp_path / "someone/saes/layer_2")

    def download(repo, name):
        if not (tmp_path / repo / name).is_file():
            raise EntryNotFoundError(f"no {name}")
        return str(tmp_path / repo / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    vector = extract(llama, data, SaeFeature(path="someone/saes/layer_2", feature=4))
    assert torch.equal(vector[2], decoder[4])
    (tmp_path / "someone/saes/layer_2/cfg.json").unlink()
    vector = extract(llama, data, SaeFeature(path="someone/saes/layer_2/sae_weights.safetensors", feature=4, layer=0))
    assert torch.equal(vector[0], decoder[4])

    def offline(repo, name):
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    with pytest.raises(ExtractionError, match="Check the path and the network"):
        extract(llama, data, SaeFeature(path="someone/saes", feature=4))
