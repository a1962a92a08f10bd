"""A server on loopback that does not have steerstack: the same numbers, few requests, and what it refuses."""

import importlib
import logging
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
import torch
from tests.support.wait import until

from steerstack.catalog.data import load_data
from steerstack.catalog.lookup import find
from steerstack.data.questions import contrast_pairs
from steerstack.engine.decode.generate import Sampling, generate
from steerstack.engine.score import score
from steerstack.errors import RemoteError
from steerstack.run.progress import Advance, Progress
from steerstack.serving.serve import check_bind
from steerstack.steering.intervention import Plan, SelectiveIntervention
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.study.efficiency.study import Efficiency
from steerstack.study.generalize.study import Generalize
from steerstack.study.stack.study import Stack
from steerstack.study.sweep.study import Sweep
from steerstack.techniques.extract import extract
from steerstack.trace.forward import Pass, run
from steerstack.trace.open import open_model
from steerstack_plugins.edits.gate import Gate
from steerstack_plugins.extraction.mean_difference import MeanDifference

from .remote_edits import edits
from .serving import TOKEN, Serving, server_forks

LAYERS, SCALES = (1, 2), (-1.0, 0.5, 2.0)


def sweep(vector):
    return Sweep(data="kindness", layers=LAYERS, scales=SCALES, vector=vector, nulls=0)


def killing(server, killed):
    """Kills a server at the first progress."""

    def tell(event):
        if isinstance(event, Advance) and not killed:
            server.kill()
            killed.append(event.what)

    return Progress(tell)


@dataclass(frozen=True, eq=False)
class Stuck(SelectiveIntervention):
    """Changes nothing; says that it works, and does not end before it is let go."""

    working: Path
    let_go: Path

    def edit(self, hidden):
        self.working.touch()
        while not self.let_go.exists():
            time.sleep(0.01)
        return hidden


class Restarting(logging.Handler):
    """Starts a server again as soon as a client has told that it is not there."""

    log = logging.getLogger("steerstack.trace.remote.server")

    def __init__(self, server):
        super().__init__(logging.WARNING)
        self.server, self.heard = server, []

    def emit(self, record):
        self.heard.append(record.getMessage())
        if len(self.heard) == 1:
            self.server.start()

    def __enter__(self):
        self.log.addHandler(self)
        return self

    def __exit__(self, *_):
        self.log.removeHandler(self)


@pytest.fixture(autouse=True)
def _token(monkeypatch):
    monkeypatch.setenv("STEERSTACK_SERVE_TOKEN", TOKEN)


@pytest.fixture(scope="module")
def forks(tiny_folder):
    with server_forks(tiny_folder) as fork:
        yield fork


@pytest.fixture(scope="module")
def server(forks, tiny_folder, tmp_path_factory):
    return Serving(forks, tiny_folder, tmp_path_factory.mktemp("server"))


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
    assert there.remote.requests == 3  # the greeting, the proof of the engine's shortcuts, the pairs
    assert all(torch.allclose(vector[layer], expected[layer], atol=1e-4) for layer in expected.layers)
    before = there.remote.requests
    result, wanted = (sweep(expected).run(m, data=data, folder=tmp_path / str(m.remote is None)) for m in (there, here))
    assert there.remote.requests - before <= len(LAYERS) + 3
    for one, other in zip([result.unsteered, *result.values], [wanted.unsteered, *wanted.values], strict=True):
        assert one.log_odds == pytest.approx(other.log_odds, abs=1e-4)
        assert one.edited == other.edited
    assert [cost["kl"] for cost in result.costs] == pytest.approx([cost["kl"] for cost in wanted.costs], abs=1e-4)


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
    scores, expected = score(there, groups, arms), score(here, groups, arms)
    assert there.remote.requests == before + 1
    for arm, wanted in zip(scores, expected, strict=True):
        for group, rows in zip(arm.tokens, wanted.tokens, strict=True):
            for sequence, row in zip(group, rows, strict=True):
                assert sequence == pytest.approx(row, abs=1e-4)


def test_generation(here, there, table):
    prompts = [pair.positive.sequence for pair in contrast_pairs(here.format, load_data(table).limit(2), "answer")]
    arms = [Plan(), Plan((edits()["add"].edits[0].on(Tokens("all")),)), edits()["stranger"]]
    sampling = Sampling(max_new_tokens=6)
    replies, expected = generate(there, prompts, arms, sampling), generate(here, prompts, arms, sampling)
    assert [arm.tokens for arm in replies] == [arm.tokens for arm in expected]


def test_a_study_outlives_its_server(server, there, table, tmp_path):
    there.remote.shard, there.remote.wait, there.remote.patience = 4, 0.05, 0.2
    data = load_data(table).limit(8)
    vector = extract(there, data, MeanDifference())
    killed, folder = [], tmp_path / "study"
    with pytest.raises(RemoteError, match="cannot be reached"):
        sweep(vector).run(there, data=data, folder=folder, progress=killing(server, killed))
    assert killed
    server.start()
    before = there.remote.requests
    result = sweep(vector).run(there, data=data, folder=folder)
    assert len(result.values) == 6
    # the second half, the costs, the check and the samples; the vectors from shuffled labels and the first half are kept
    assert there.remote.requests - before == 4


def test_a_study_waits_for_a_server_that_is_killed_and_started_again(server, here, there, table, tmp_path):
    there.remote.shard = 4
    data, folder = load_data(table).limit(8), tmp_path / "study"
    vector, killed = extract(here, data, MeanDifference()), []
    with Restarting(server) as restarting:  # the first of two shards is done, the second is sent to nobody
        result = sweep(vector).run(there, data=data, folder=folder, progress=killing(server, killed))
    assert "cannot be reached; trying again" in restarting.heard[0]
    wanted = sweep(vector).run(here, data=data, folder=tmp_path / "here")
    for one, other in zip(result.values, wanted.values, strict=True):
        assert one.log_odds == pytest.approx(other.log_odds, abs=1e-4)


def test_a_server_that_is_killed_while_it_works_is_sent_the_job_again(server, there, table, tmp_path):
    groups = [[pair.positive.sequence] for pair in contrast_pairs(there.format, load_data(table).limit(2), "answer")]
    working, let_go = tmp_path / "working", tmp_path / "let go"

    def kill():
        until(working.exists, "the server to work on it")
        server.kill()
        let_go.touch()
        server.start()

    killer = threading.Thread(target=kill)
    killer.start()
    scores = score(there, groups, [Plan((Stuck(Site("resid_post", 1), working, let_go),))])
    killer.join()
    assert scores[0].tokens == [
        [pytest.approx(sequence, abs=1e-5) for sequence in group] for group in score(there, groups, [Plan()])[0].tokens
    ]


def test_vectors_are_trained_there_in_one_request(here, there, table):
    data = load_data(table).limit(4)
    for name in ("bipo", "reft-r1", "melbo", "supervised", "reps", "prompt-only"):
        method = find("extractor", name).make({"steps": 2} if name == "melbo" else {"epochs": 1})
        before, counts = there.remote.requests, []
        vector = extract(there, data, method, progress=counts.append)
        assert there.remote.requests == before + 1
        assert counts == [4]
        expected = extract(here, data, method)
        assert all(torch.allclose(vector[layer], expected[layer], atol=1e-5) for layer in expected.layers)


STRANGER = '''
"""A module that only the client can import, with a helper module beside it."""
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import Field

from steerstack import Extractor, SteerstackError, hookimpl
from strange_helper import half
from steerstack.steering.intervention import SelectiveIntervention


@dataclass(frozen=True, eq=False)
class Turn(SelectiveIntervention):
    direction: Any

    def edit(self, hidden):
        return hidden + half(self.direction)


class Ascent(Extractor):
    """One step up the log-probability of the answers."""

    name = "ascent"
    differentiates = True
    layer: int = Field(1, ge=0)

    def fit(self, pairs):
        from steerstack.data.questions import ask
        from steerstack.engine.gradients import Shift, differentiable
        from steerstack.steering.intervention import Plan
        from steerstack.steering.site import Site

        v = torch.zeros(pairs.model.d_model, requires_grad=True)
        texts = [question.exhibits for question in ask(pairs.model.format, pairs.data, "text")]
        plan = Plan((Shift(Site("resid_post", self.layer), v),))
        (gradient,) = torch.autograd.grad(differentiable(pairs.model, texts, plan).logp.sum(), v)
        if gradient.norm() == 0:
            raise SteerstackError("nothing")
        return {self.layer: half(gradient)}


@hookimpl
def steerstack_extractors():
    return [Ascent]
'''


def test_a_strangers_plugin_that_the_server_cannot_import(here, there, table, tmp_path, monkeypatch):
    (tmp_path / "strange_plugin.py").write_text(STRANGER)
    (tmp_path / "strange_helper.py").write_text("def half(value):\n    return value / 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    strange = importlib.import_module("strange_plugin")
    data = load_data(table).limit(3)
    groups = [[pair.positive.sequence] for pair in contrast_pairs(here.format, data, "answer")]
    plan = Plan((strange.Turn(Site("resid_post", 1), torch.ones(here.d_model)),))
    scores, expected = score(there, groups, [plan]), score(here, groups, [plan])
    assert scores[0].tokens == [[pytest.approx(row, abs=1e-5) for row in group] for group in expected[0].tokens]
    vector, wanted = (extract(model, data, strange.Ascent()) for model in (there, here))
    assert torch.allclose(vector[1], wanted[1], atol=1e-5)


def test_what_trains_weights_is_refused_before_anything_is_run(there, table, tmp_path):
    data, named = load_data(table), {"data": str(table), "techniques": ("mean-difference", "full-sft"), "nulls": False}
    before = there.remote.requests
    studies = [
        Stack(data=str(table), finetunes=("lora-sft",), nulls=0),
        Efficiency(**named, sizes=(4,)),
        Generalize(**named, shift={"user": "Be brief."}),
    ]
    for study in studies:
        with pytest.raises(RemoteError, match="cannot be trained from here"):
            study.run(there, data=data, folder=tmp_path)
    assert there.remote.requests == before


def test_nnsights_own_client_is_served_too(server, there, here):
    ids = torch.tensor([[1, 2, 3, 4]])
    envoy, local = there.envoy, here.envoy
    with envoy.trace(ids, remote=server.host):
        output = envoy.layers[1].output.save()
    with torch.no_grad(), local.trace(ids):
        expected = local.layers[1].output.save()
    assert torch.allclose(output, expected, atol=1e-5)


def test_another_model_is_not_deployed(server, tmp_path, here):
    here.module.save_pretrained(tmp_path / "other")
    here.tokenizer.save_pretrained(tmp_path / "other")
    with pytest.raises(RemoteError, match="does not have this model"):
        open_model(tmp_path / "other", remote=server.host)


def test_a_request_from_a_web_page_is_refused(server):
    page = {"origin": "https://example.org"}
    assert httpx.post(f"{server.host}/request", data={"data": "{}"}, headers=page).status_code == 401


def test_an_error_in_an_edit_names_its_line(there):
    def broken(hidden):
        raise ValueError("the sky is falling")

    ids = torch.tensor([[1, 2, 3]])
    with pytest.raises(RemoteError, match="the sky is falling"):
        run(there, Pass(ids, torch.ones_like(ids, dtype=torch.bool), edits={Site("resid_post", 1): broken}))


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_job_that_would_end_the_server_ends_with_an_error(there, kind):
    def leaving(hidden):
        raise kind("leaving")

    ids = torch.tensor([[1, 2, 3]])
    work = Pass(ids, torch.ones_like(ids, dtype=torch.bool), edits={Site("resid_post", 1): leaving})
    with pytest.raises(RemoteError, match=f"{kind.__name__}: leaving"):
        run(there, work)
    assert run(there, replace(work, edits={}, read={Site("resid_post", 1): torch.sum})).read


def test_the_edits_of_two_clients_never_meet(server, here, tiny_folder, table):
    """Each sends its own edits in turn, at the same time as the other."""
    groups = [[pair.positive.sequence] for pair in contrast_pairs(here.format, load_data(table).limit(2), "answer")]
    plans = [edits()["add"], edits()["stranger"]]
    expected = [score(here, groups, [plan])[0].tokens for plan in plans]
    results = {}

    def work(name):
        client = open_model(tiny_folder, remote=server.host)
        results[name] = [score(client, groups, [plans[(name + turn) % 2], Plan()]) for turn in range(4)]

    clients = [threading.Thread(target=work, args=(name,)) for name in range(2)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    unsteered = score(here, groups, [Plan()])[0].tokens
    for name, turns in results.items():
        for turn, (steered, bare) in enumerate(turns):
            for one, other in ((steered.tokens, expected[(name + turn) % 2]), (bare.tokens, unsteered)):
                assert one == [[pytest.approx(row, abs=1e-4) for row in group] for group in other]


def test_another_dtype_is_the_servers_to_choose(server, tiny_folder):
    with pytest.raises(RemoteError, match="does not hold"):
        open_model(tiny_folder, remote=server.host, dtype="bfloat16")


def test_another_version_of_the_protocol(server, tiny_folder, monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.7.2")
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


def test_a_token_is_asked_for(forks, tiny_folder, tmp_path, monkeypatch):
    serving = Serving(forks, tiny_folder, tmp_path, token="other")
    for path in ("env", "status", "response/x"):
        assert httpx.get(f"{serving.host}/{path}").status_code == 401
    assert httpx.post(f"{serving.host}/request", headers={"ndif-api-key": "guess"}).status_code == 401
    monkeypatch.setenv("NDIF_API_KEY", "other")
    with pytest.raises(RemoteError, match="API key"):
        open_model(tiny_folder, remote=serving.host)
    monkeypatch.setenv("STEERSTACK_SERVE_TOKEN", "other")
    assert open_model(tiny_folder, remote=serving.host).remote.requests == 1
