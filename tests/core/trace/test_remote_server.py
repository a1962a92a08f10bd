"""A server on loopback that does not have steerstack: the same numbers, few requests, and what it refuses."""

import threading
from dataclasses import replace

import httpx
import pytest
import torch

from steerstack.asking import contrast_pairs
from steerstack.catalog import load_data
from steerstack.engine.generate import Sampling, generate
from steerstack.engine.score import score
from steerstack.errors import RemoteError
from steerstack.extraction import extract
from steerstack.intervention import Plan
from steerstack.serving.serve import check_bind
from steerstack.study.sweep import Sweep, run_sweep
from steerstack.tokens import Tokens
from steerstack.trace import remote
from steerstack.trace.open import open_model
from steerstack_plugins.edits.gate import Gate
from steerstack_plugins.extraction.mean_difference import MeanDifference

from .remote_edits import edits
from .serving import Serving

LAYERS, SCALES = (1, 2), (-1.0, 0.5, 2.0)


@pytest.fixture(scope="module")
def server(tiny_folder, tmp_path_factory):
    serving = Serving(tiny_folder, tmp_path_factory.mktemp("server"))
    yield serving
    serving.kill()


@pytest.fixture
def there(server, tiny_folder):
    return open_model(tiny_folder, remote=server.host)


@pytest.fixture(scope="module")
def here(tiny_folder):
    return open_model(tiny_folder)


def test_the_server_has_no_steerstack_and_the_weights_stay_there(server, there, here):
    assert "gone" in server.log.read_text()
    assert {parameter.device.type for parameter in there.module.parameters()} == {"meta"}
    assert there.fingerprint == here.fingerprint
    assert there.remote.requests == 1


def test_extraction_and_a_sweep_in_few_requests(here, there, table, tmp_path):
    data = load_data(table).limit(9)
    vector, expected = (extract(model, data, MeanDifference()) for model in (there, here))
    assert there.remote.requests == 2
    assert all(torch.allclose(vector[layer], expected[layer], atol=1e-4) for layer in expected.layers)
    sweep = Sweep(LAYERS, SCALES)
    before = there.remote.requests
    found, wanted = (run_sweep(sweep, m, data, expected, folder=tmp_path / str(m.remote)) for m in (there, here))
    assert there.remote.requests - before <= len(LAYERS) + 2
    for one, other in zip([found.unsteered, *found.values], [wanted.unsteered, *wanted.values], strict=True):
        assert one.log_odds == pytest.approx(other.log_odds, abs=1e-4)
        assert one.edited == other.edited
    assert found.kl == pytest.approx(wanted.kl, abs=1e-4)


def test_every_edit_a_strangers_and_a_plugins_at_two_layers_and_three_scales(here, there, table):
    data = load_data(table).limit(3)
    groups = [[pair.positive.sequence, pair.negative.sequence] for pair in contrast_pairs(here.format, data, "answer")]
    generator = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, here.d_model, generator=generator)
    arms = [Plan(), *edits().values()]
    arms += [Plan((Gate(site, one, other, 2.0, 0.0, signed=True),)) for site in {edit.site for edit in edits()["two"]}]
    for layer in LAYERS:
        for scale in SCALES:
            add = edits()["add"].edits[0]
            arms.append(Plan((replace(add, site=replace(add.site, layer=layer), scale=scale),)))
    before = there.remote.requests
    found, expected = score(there, groups, arms), score(here, groups, arms)
    assert there.remote.requests == before + 1
    for arm, wanted in zip(found, expected, strict=True):
        for group, rows in zip(arm.tokens, wanted.tokens, strict=True):
            for sequence, row in zip(group, rows, strict=True):
                assert sequence == pytest.approx(row, abs=1e-4)


def test_generation(here, there, table):
    prompts = [pair.positive.sequence for pair in contrast_pairs(here.format, load_data(table).limit(2), "answer")]
    arms = [Plan(), Plan((edits()["add"].edits[0].on(Tokens("all")),)), edits()["stranger"]]
    sampling = Sampling(max_new_tokens=6)
    found, expected = generate(there, prompts, arms, sampling), generate(here, prompts, arms, sampling)
    assert [arm.tokens for arm in found] == [arm.tokens for arm in expected]


def test_a_study_outlives_its_server(server, there, table, tmp_path, monkeypatch):
    monkeypatch.setattr("steerstack.study.measure.REMOTE_SHARD", 4)
    monkeypatch.setattr(remote, "FIRST_WAIT", 0.05)
    there.remote.patience = 0.2
    data = load_data(table).limit(8)
    vector = extract(there, data, MeanDifference())
    killed = []

    def advance(what, done):
        if not killed:
            server.kill()
            killed.append(what)

    with pytest.raises(RemoteError, match="cannot be reached"):
        run_sweep(Sweep(LAYERS, SCALES), there, data, vector, folder=tmp_path / "study", advance=advance)
    server.start()
    before = there.remote.requests
    result = run_sweep(Sweep(LAYERS, SCALES), there, data, vector, folder=tmp_path / "study")
    assert len(result.values) == 6
    assert there.remote.requests - before == 3  # the second half, the costs, and the check; the first half is kept


def test_a_short_absence_is_waited_out(server, there, table):
    groups = [[pair.positive.sequence] for pair in contrast_pairs(there.format, load_data(table).limit(2), "answer")]
    expected = score(there, groups, [Plan()])
    server.kill()
    there.remote.patience = 120.0
    back = threading.Timer(0.5, server.start)
    back.start()
    assert score(there, groups, [Plan()]) == expected
    back.join()


def test_nnsights_own_client_is_served_too(server, there, here):
    ids = torch.tensor([[1, 2, 3, 4]])
    envoy, local = there.envoy, here.envoy
    with envoy.trace(ids, remote=server.host):
        found = envoy.layers[1].output.save()
    with torch.no_grad(), local.trace(ids):
        expected = local.layers[1].output.save()
    assert torch.allclose(found, expected, atol=1e-5)


def test_another_model_is_not_deployed(server, tmp_path, here):
    here.module.save_pretrained(tmp_path / "other")
    here.tokenizer.save_pretrained(tmp_path / "other")
    with pytest.raises(RemoteError, match="does not have this model"):
        open_model(tmp_path / "other", remote=server.host)


def test_a_request_from_a_web_page_is_refused(server):
    page = {"origin": "https://example.org"}
    assert httpx.post(f"{server.host}/request", data={"data": "{}"}, headers=page).status_code == 401
    assert httpx.get(f"{server.host}/env", headers={"host": "example.org"}).status_code == 400


def test_an_error_in_an_edit_names_its_line(there):
    def broken(hidden):
        raise ValueError("the sky is falling")

    from steerstack.site import Site
    from steerstack.trace.forward import Pass, run

    ids = torch.tensor([[1, 2, 3]])
    with pytest.raises(RemoteError, match="the sky is falling"):
        run(there, Pass(ids, torch.ones_like(ids, dtype=torch.bool), edits={Site("resid_post", 1): broken}))


def test_another_dtype_is_the_servers_to_choose(server, tiny_folder):
    with pytest.raises(RemoteError, match="does not hold"):
        open_model(tiny_folder, remote=server.host, dtype="bfloat16")


def test_another_version_of_the_protocol(server, tiny_folder, monkeypatch):
    monkeypatch.setattr("steerstack.trace.remote_model.importlib.metadata.version", lambda name: "0.7.2")
    with pytest.raises(RemoteError, match="another version"):
        open_model(tiny_folder, remote=server.host)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "gpu.lab.org"])
def test_open_to_others_only_with_a_token(host):
    with pytest.raises(RemoteError, match="runs whatever code"):
        check_bind(host, None)
    check_bind(host, "secret")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_none(host):
    check_bind(host, None)


def test_a_token_is_asked_for(tiny_folder, tmp_path, monkeypatch):
    serving = Serving(tiny_folder, tmp_path, token="secret")
    try:
        monkeypatch.delenv("NDIF_API_KEY", raising=False)
        for path in ("env", "status", "response/x"):
            assert httpx.get(f"{serving.host}/{path}").status_code == 401
        assert httpx.post(f"{serving.host}/request", headers={"ndif-api-key": "guess"}).status_code == 401
        with pytest.raises(RemoteError, match="API key"):
            open_model(tiny_folder, remote=serving.host)
        monkeypatch.setenv("NDIF_API_KEY", "secret")
        assert open_model(tiny_folder, remote=serving.host).remote.requests == 1
    finally:
        serving.kill()
