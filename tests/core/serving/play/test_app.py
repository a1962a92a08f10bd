"""The page's requests: who may make them, what they answer, and that it is what the engine gives elsewhere."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient
from tests.support.command import steerstack

from steerstack.catalog.data import load_data
from steerstack.data.prompts import Prompt
from steerstack.data.splits import split
from steerstack.engine.decode.sampling import Sampling
from steerstack.measure.scoring import score_data
from steerstack.serving.play.app import play_app
from steerstack.serving.play.items import BehaviorItems
from steerstack.serving.play.page import page
from steerstack.serving.play.playground import Playground, Scene
from steerstack.serving.play.stream import ModelThread
from steerstack.stats import estimates
from steerstack.steering.intervention import Plan
from steerstack.steering.origin import Origin
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claim
from steerstack.testing.models import WIDTH

TOKEN = "a-token-of-the-test"
GIVEN = {"authorization": f"Bearer {TOKEN}"}
PROMPT = "Is <b>this</b> & that right?"


@pytest.fixture(scope="module")
def vector():
    return SteeringVector(
        {layer: torch.randn(WIDTH, generator=torch.Generator().manual_seed(layer)) for layer in (1, 2)}
    )


@pytest.fixture
def scene(vector):
    items = BehaviorItems.of(load_data("sycophancy"), "text", 3)
    return Scene(Claim({}, vector=vector, layers=(1,), scale=1.5), Sampling(12), "v.safetensors", items=items)


@pytest.fixture
def client(llama, scene):
    with ModelThread() as thread:
        app = play_app(Playground(llama, scene), TOKEN, thread)
        yield TestClient(app, base_url="http://127.0.0.1:9", headers=GIVEN)


def events(client, path, **body):
    answer = client.post(path, json=body)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [json.loads(part.removeprefix("data: ")) for part in answer.text.split("\n\n") if part]


def streamed(told, column):
    return "".join(one.get("text", "") for one in told if one.get("column") == column)


def whole(told, column):
    (event,) = [one for one in told if one.get("column") == column and "pieces" in one]
    return event


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/?token=wrong", {}),
        ("GET", "/?token=", {}),
        ("GET", f"/?token={TOKEN}", {"origin": "http://evil.example"}),
        ("POST", "/about", {"authorization": ""}),
        ("POST", "/answer", {"authorization": "Bearer wrong"}),
        ("POST", "/log-odds", {"authorization": "Bearer é".encode()}),
        ("POST", f"/study?token={TOKEN}", {"authorization": ""}),
        ("POST", "/about", {**GIVEN, "origin": "http://evil.example"}),
        ("POST", "/about", {**GIVEN, "origin": "null"}),
        ("POST", "/about", {**GIVEN, "origin": "http://127.0.0.1:10"}),
    ],
)
def test_nobody_else_is_answered(client, method, path, headers):
    answer = client.request(method, path, headers=headers, json={} if method == "POST" else None)
    assert answer.status_code == 403
    assert "steerstack play printed" in answer.text


def test_it_is_asked_for_by_its_own_name_only(client):
    for host, status in (
        ("127.0.0.1:9", 200),
        ("localhost:9", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
    ):
        assert client.get(f"/?token={TOKEN}", headers={"host": host}).status_code == status


def test_the_page_runs_its_own_script_alone_and_loads_nothing(client):
    answer = client.get(f"/?token={TOKEN}")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'sha256-" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "http" not in answer.text.replace("http-equiv", "")  # neither a script nor a style nor a font from elsewhere
    assert "innerHTML" not in answer.text  # what models and users say is put in as text
    assert answer.text == page().body.decode()


@pytest.mark.parametrize(
    "body",
    [
        {}, [], {"layer": "1", "scale": 1, "prompt": "Hi"}, {"layer": 1, "scale": "nan", "prompt": "Hi"},
        {"layer": 1, "scale": 1, "prompt": "Hi", "model": "other"}, {"layer": 1, "scale": 1, "prompt": "x" * 20_001},
        {"layer": 1, "scale": 1, "prompt": "\ud800"}, {"layer": 1, "scale": 1e999, "prompt": "Hi"},
    ],
    ids=range(8),
)  # fmt: skip
def test_a_request_of_another_form(client, body):
    answer = client.post("/answer", content=json.dumps(body).encode())
    assert answer.status_code == 422
    assert answer.json()["happened"] == "The page sent what cannot be read."


def test_a_request_that_is_too_large(client):
    assert client.post("/answer", content=b" " * (1 << 19)).status_code == 413


@pytest.mark.parametrize(
    ("path", "body", "happened"),
    [
        ("/answer", {"layer": 1, "scale": 1, "prompt": " "}, "A prompt is empty."),
        ("/answer", {"layer": 7, "scale": 1, "prompt": "Hi"}, "The vector has no layer 7."),
        ("/log-odds", {"layer": 7, "scale": 1}, "The vector has no layer 7."),
        ("/study", {"layer": 7, "scale": 1}, "The vector has no layer 7."),
        ("/study", {"layer": 1, "scale": 0}, "At scale 0 the vector does nothing."),
    ],
)
def test_what_cannot_be_done_is_told(client, path, body, happened):
    assert events(client, path, **body)[-1]["error"]["happened"] == happened


def test_both_columns_are_what_generate_says(client, llama, vector, tiny_folder, tmp_path):
    vector.save(tmp_path / "v.safetensors")
    process = steerstack(
        "generate", PROMPT, "--model", tiny_folder, "--vector", tmp_path / "v.safetensors", "--layer", 2,
        "--scale", "0.5,-1.5", "--max-new-tokens", 12, "--json", "-",
    )  # fmt: skip
    bare, *steered = json.loads(process.stdout)[0]["arms"]
    for arm in steered:  # the second time the unsteered answer is not made again
        answer_events = events(client, "/answer", layer=2, scale=arm["scale"], prompt=PROMPT)
        for column, expected in (("unsteered", bare), ("steered", arm)):
            assert streamed(answer_events, column) == expected["text"]
            assert "".join(piece["text"] for piece in whole(answer_events, column)["pieces"]) == expected["text"]
            assert whole(answer_events, column)["edited"] == expected["edited_positions"]


def test_it_is_streamed(client):
    answer_events = events(client, "/answer", layer=1, scale=1, prompt=PROMPT)
    for column in ("unsteered", "steered"):
        assert sum(one.get("column") == column and "text" in one for one in answer_events) > 1


def test_projections_are_those_of_a_plain_pass(client, llama, vector):
    answer_events = events(client, "/answer", layer=2, scale=1.5, prompt=PROMPT)
    prompt = llama.format.sequence(Prompt(PROMPT)).ids
    reply = llama.module.generate(torch.tensor([prompt]), max_new_tokens=12, do_sample=False)[0]
    with torch.no_grad():
        hidden = llama.module(reply[None], output_hidden_states=True).hidden_states[3][0]
    plain = (hidden @ vector[2] / vector[2].norm())[len(prompt) :].tolist()
    projections = [value for piece in whole(answer_events, "unsteered")["pieces"] for value in piece["projections"]]
    np.testing.assert_allclose(projections, plain[: len(projections)], rtol=1e-4, atol=1e-5)
    assert len(projections) > 6


def test_log_odds_are_those_of_scoring(client, llama, scene):
    data = split(load_data("sycophancy")).validation.limit(3)
    bare, steered = score_data(llama, data, "text", [Plan(), replace(scene.claim, layers=(2,), scale=-2.0).plan()])
    (event,) = events(client, "/log-odds", layer=2, scale=-2.0)
    assert [item["id"] for item in event["items"]] == [item.id for item in data]
    np.testing.assert_allclose([item["unsteered"] for item in event["items"]], bare.effect_scale, rtol=1e-5)
    np.testing.assert_allclose([item["steered"] for item in event["items"]], steered.effect_scale, rtol=1e-5)
    change = estimates.difference(steered.effect_scale, bare.effect_scale)
    assert event["change"]["value"] == pytest.approx(change.value, rel=1e-4)
    assert event["change"]["ci_low"] == pytest.approx(change.ci_low, rel=1e-4)
    assert event["change"]["n"] == 3


def test_at_scale_zero_nothing_changes(client):
    (event,) = events(client, "/log-odds", layer=1, scale=0)
    assert event["change"]["value"] == event["edited"] == 0


def test_items_that_the_vector_was_found_on_are_told(llama, scene, vector):
    data = load_data("sycophancy")
    warnings_by_name = {}
    for name, digest in (("whole", data.digest), ("train", split(data).train.digest), ("other", "f" * 64)):
        origin = Origin("mean-difference", behavior="sycophancy", data_digest=digest)
        claim = replace(scene.claim, vector=replace(vector, origin=origin))
        warnings_by_name[name] = Playground(llama, replace(scene, claim=claim)).about()["items"]["warning"]
    assert "found on the whole data set, these items among them" in warnings_by_name["whole"]
    assert warnings_by_name["train"] == ""
    assert "not known" in warnings_by_name["other"]


def test_without_data_there_is_no_study(llama, scene):
    with ModelThread() as thread:
        app = play_app(Playground(llama, replace(scene, items=None)), TOKEN, thread)
        client = TestClient(app, base_url="http://127.0.0.1:9", headers=GIVEN)
        assert events(client, "/about")[0]["items"] is None
        assert events(client, "/study", layer=1, scale=1)[0]["error"]["happened"] == "No data was named."
