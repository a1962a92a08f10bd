"""Every call packed as for a server, unpacked with our modules hidden, and run here."""

import shutil

import httpx
import pytest
import torch

from steerstack.catalog.data import load_data
from steerstack.data.questions import contrast_pairs
from steerstack.engine.activations import PairActivations
from steerstack.engine.decode.generate import Sampling, generate
from steerstack.engine.divergence import divergence
from steerstack.engine.gradients import differentiable
from steerstack.engine.proof import prove
from steerstack.engine.score import score
from steerstack.engine.top_tokens import likeliest
from steerstack.errors import ModelError, NothingEditedError, RemoteError, SiteError
from steerstack.measure.residual_norms import residual_norms
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan, SelectiveIntervention
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.testing.models import WIDTH
from steerstack.trace.forward import Pass, run
from steerstack.trace.open import open_model
from steerstack.trace.trainable import clone

from .remote_edits import edits

GROUPS = [
    [TokenSequence((1, 2, 3, 4, 5, 6, 7, 8), 3, 5), TokenSequence((1, 2, 3, 4, 5, 9, 9), 3, 5)],
    [TokenSequence((11, 12, 3, 4, 15, 6), 3, 4), TokenSequence((11, 12, 3, 4, 25, 9, 9, 7), 3, 4)],
]
PLANS = edits()


@pytest.fixture(scope="module")
def here(tiny_folder):
    return open_model(tiny_folder)


@pytest.fixture(scope="module")
def there(tiny_folder):
    model = open_model(tiny_folder, remote="local")
    prove(model)  # a request of its own, once
    return model


def test_it_is_the_same_model(here, there):
    assert there.fingerprint == here.fingerprint
    assert (there.dtype, there.n_layers, there.d_model) == (here.dtype, here.n_layers, here.d_model)
    assert there.tokenizer("hello").input_ids == here.tokenizer("hello").input_ids
    assert there.tokenizer.padding_side == here.tokenizer.padding_side


@pytest.mark.parametrize("name", PLANS)
def test_every_edit_gives_the_same_scores_in_one_request(here, there, name):
    arms = [Plan(), PLANS[name]]
    before = there.remote.requests
    scores, expected = score(there, GROUPS, arms), score(here, GROUPS, arms)
    assert there.remote.requests == before + 1
    assert [arm.tokens for arm in scores] == [
        [[pytest.approx(sequence, abs=1e-5) for sequence in group] for group in arm.tokens] for arm in expected
    ]
    assert [arm.edited for arm in scores] == [arm.edited for arm in expected]


def test_extraction_is_one_request(here, there, table):
    pairs = contrast_pairs(here.format, load_data(table), "response")
    before = there.remote.requests
    batch, expected = PairActivations(there, pairs).collect(), PairActivations(here, pairs).collect()
    assert there.remote.requests == before + 1
    assert torch.allclose(batch.positive, expected.positive, atol=1e-5)
    assert torch.allclose(batch.negative, expected.negative, atol=1e-5)


def test_generation_is_one_request_and_tells_of_its_progress(here, there):
    prompts = [TokenSequence((5, 6, 7), 3, 3), TokenSequence((8, 9, 10, 11), 4, 4)]
    arms = [Plan(), PLANS["add"].edits[0].on(Tokens("all")) >> Plan()]
    counts, before = [], there.remote.requests
    replies = generate(there, prompts, arms, Sampling(max_new_tokens=5), progress=counts.append)
    assert there.remote.requests == before + 1
    assert [c.tokens for c in replies] == [c.tokens for c in generate(here, prompts, arms, Sampling(max_new_tokens=5))]
    assert counts == [4]


def test_what_else_is_measured_is_the_same(here, there):
    texts, arms = [GROUPS[0][0], GROUPS[1][1]], [PLANS["add"]]
    for distance, expected in zip(divergence(there, texts, arms), divergence(here, texts, arms), strict=True):
        assert distance.kl == pytest.approx(expected.kl, abs=1e-6)
    assert likeliest(there, GROUPS, PLANS["add"], 2) == likeliest(here, GROUPS, PLANS["add"], 2)
    assert residual_norms(there) == pytest.approx(residual_norms(here))


def test_a_single_pass_of_a_plugin(here, there):
    ids = torch.tensor([[1, 2, 3]])
    work = Pass(ids, torch.ones_like(ids, dtype=torch.bool), read={Site("mlp_out", 1): lambda h: h[:, -1] * WIDTH})
    assert torch.allclose(run(there, work).read[Site("mlp_out", 1)], run(here, work).read[Site("mlp_out", 1)])


def test_errors_come_back_as_what_they_are(there):
    nowhere = TokenSequence((1, 2, 3), 0, 3)
    with pytest.raises(NothingEditedError):
        generate(there, [nowhere], [Plan((Add(Site("resid_post", 1), torch.ones(WIDTH), selection=Tokens("prompt")),))])
    with pytest.raises(SiteError, match="Layer 9"):
        generate(there, [GROUPS[0][0]], [Plan((Add(Site("resid_post", 9), torch.ones(WIDTH)),))])


def test_what_needs_the_weights_says_so(there):
    with pytest.raises(RemoteError, match="Gradients"):
        differentiable(there, GROUPS[0], PLANS["add"])
    with pytest.raises(RemoteError, match="cannot be trained from here"):
        clone(there)


class Holding(SelectiveIntervention):
    """Holds what cannot travel."""

    def __init__(self):
        super().__init__(Site("resid_post", 1))
        object.__setattr__(self, "lines", (line for line in "abc"))

    def edit(self, hidden):
        return hidden


def test_an_edit_that_cannot_travel(there):
    with pytest.raises(RemoteError, match="cannot be sent"):
        score(there, GROUPS, [Plan((Holding(),))])


def test_a_dead_host(tiny_folder):
    with pytest.raises(RemoteError, match="cannot be reached"):
        open_model(tiny_folder, remote="http://127.0.0.1:9")


def test_what_is_not_an_address(tiny_folder):
    with pytest.raises(RemoteError, match="not the address"):
        open_model(tiny_folder, remote="ndif.us")


def test_ndif_needs_a_key(tiny_folder, monkeypatch):
    monkeypatch.delenv("NDIF_API_KEY", raising=False)
    monkeypatch.setattr("nnsight.CONFIG.API.APIKEY", None)
    monkeypatch.setattr("nnsight.CONFIG.API.HOST", "https://api.ndif.us")
    with pytest.raises(RemoteError, match="NDIF needs an API key"):
        open_model(tiny_folder, remote=True)


def test_a_loaded_model_is_not_on_a_server(here):
    with pytest.raises(RemoteError, match="opened by name"):
        open_model(here.module, tokenizer=here.tokenizer, remote="local")


def test_no_config_here(tmp_path):
    with pytest.raises(ModelError, match="config and tokenizer"):
        open_model(tmp_path, remote="local")


def test_ndif_goes_by_the_hubs_names(tiny_folder, tmp_path, monkeypatch):
    """NDIF answers; the model's config is in the hub's cache, and the hub itself is away."""

    def offline(*_args, **_options):
        raise OSError("no network")

    folder = tmp_path / "models--lab--model"
    shutil.copytree(tiny_folder, folder / "snapshots" / "1", ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", offline)
    monkeypatch.setattr(
        "httpx.Client.get", lambda _, url, **__: httpx.Response(200, json={}, request=httpx.Request("GET", url))
    )
    monkeypatch.setattr("nnsight.CONFIG.API.HOST", "https://api.ndif.us")
    monkeypatch.setenv("NDIF_API_KEY", "a key")
    with pytest.raises(RemoteError, match="could not be looked up"):
        open_model("lab/model", remote="ndif")
