"""What a server answers to requests that no client of the protocol sends, and to more than it takes."""

import json
import threading

import httpx
import pytest
from starlette.testclient import TestClient
from tests.support.wait import PATIENCE

from steerstack.serving.app import Service
from steerstack.serving.deployment import Deployment
from steerstack.serving.jobs import Jobs
from steerstack.serving.limits import Limits

KEY = 'nnsight.modeling.X:{"repo_id": "m", "revision": "main"}'
HEADERS = {"ndif-api-key": "secret"}


class Held:
    """In place of a worker, one whose jobs end when they are let go or cancelled."""

    def __init__(self):
        self.go, self.seen = threading.Event(), []

    def run(self, envelope, blob, wanted):
        self.seen.append(blob)
        for _ in range(int(PATIENCE * 1000)):
            if self.go.wait(0.001):
                return blob
            if not wanted():
                raise RuntimeError("The job was cancelled.")
        raise TimeoutError


@pytest.fixture
def worker():
    held = Held()
    yield held
    held.go.set()


@pytest.fixture
def client(worker):
    limits = Limits(request=20_000, queue=2)
    app = Service(Deployment(["m"], "main"), worker, Jobs(limits=limits), "secret", limits=limits).app()
    with TestClient(app, headers=HEADERS) as one:
        yield one


def send(client, envelope=None, blob=b"blob", **more):
    data = {"data": json.dumps({"model_key": KEY} if envelope is None else envelope)}
    return client.post("/request", data=data, files={"blob": ("request", blob, "application/octet-stream")}, **more)


ODD_KEYS = ["", "nothing", "x:", "x:[]", "x:3", "x:null", 'x:{"repo_id": []}', "x:" + "[" * 3000, "x:" + "9" * 5000]


@pytest.mark.parametrize("key", ODD_KEYS, ids=range(len(ODD_KEYS)))
def test_a_key_of_no_model(client, key):
    assert send(client, {"model_key": key}).status_code in (404, 422)


@pytest.mark.parametrize("envelope", [[], 3, None, "text", {}, {"model_key": 3}, {"model_key": KEY, "session_id": []}])
def test_an_envelope_of_no_request(client, envelope):
    answer = client.post("/request", data={"data": json.dumps(envelope)}, files={"blob": b"x"})
    assert answer.status_code == 422
    assert "detail" in answer.json()


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"content": b"hello"},
        {"content": b"hello", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"hello", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"json": {"data": {}}},
        {"data": {"data": "{}"}},
        {"data": {"data": "{}", "blob": "x"}},
        {"files": {"data": b"{}", "blob": b"x"}},
        {"files": {"blob": b"x"}},
        {"data": {str(number): "x" for number in range(9)}},
    ],
    ids=range(10),
)
def test_a_body_of_no_request(client, how):
    assert 400 <= client.post("/request", **how).status_code < 500


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/request"), ("PUT", "/env"), ("GET", "/response/x"), ("GET", "/result/../x"), ("DELETE", "/request/x")],
)  # fmt: skip
def test_a_place_that_is_not_there(client, method, path):
    assert 400 <= client.request(method, path).status_code < 500


def test_another_version_or_model(client):
    assert send(client, headers={"nnsight-version": "0.1.2"}).status_code == 409
    assert send(client, {"model_key": KEY.replace('"m"', '"other"')}).status_code == 404
    assert send(client, {"model_key": KEY.replace("main", "old")}).status_code == 404


def test_a_request_that_is_too_large_is_refused_before_it_is_read(client, worker):
    assert send(client, blob=b"x" * 30_000).status_code == 413
    pieces = (b"x" * 1000 for _ in range(30))
    response = client.post("/request", content=pieces, headers={"content-type": "multipart/form-data; boundary=x"})
    assert response.status_code == 413
    assert client.post("/request", headers={"content-length": "-1"}, content=b"").status_code == 413
    assert not worker.seen


def test_nothing_without_the_token(client):
    for path in ("/env", "/status", "/response/x"):
        assert client.get(path, headers={"ndif-api-key": "guess"}).status_code == 401
    assert client.delete("/request/x", headers={"ndif-api-key": ""}).status_code == 401
    assert send(client, headers={"ndif-api-key": "guess"}).status_code == 401
    assert client.get("/env", headers={"origin": "https://example.org"}).status_code == 401


def ended(client, job):
    """Its state once it has ended."""
    for _ in range(int(PATIENCE * 100)):
        state = client.get(f"/response/{job}").json()
        if state["status"] in ("COMPLETED", "ERROR"):
            return state
        threading.Event().wait(0.01)
    raise TimeoutError


def test_the_queue_is_bounded_and_a_job_can_be_cancelled(client, worker):
    running, waiting = (send(client, blob=name).json()["id"] for name in (b"one", b"two"))
    full = send(client, blob=b"three")
    assert full.status_code == httpx.codes.SERVICE_UNAVAILABLE
    for job in (waiting, running):
        assert client.delete(f"/request/{job}").status_code == 200
        assert "cancelled" in ended(client, running)["description"] if job == running else True
    assert "cancelled" in ended(client, waiting)["description"]
    worker.go.set()
    last = send(client, blob=b"four").json()["id"]
    assert ended(client, last)["status"] == "COMPLETED"
    assert client.get(f"/result/{last}").content == b"four"
    assert worker.seen == [b"one", b"four"]


def test_who_holds_a_connection_open_is_there_though_it_asks_nothing(worker):
    worker.go.set()
    limits = Limits(patience=-1.0)
    app = Service(Deployment(["m"], "main"), worker, Jobs(limits=limits), "secret", limits=limits).app()
    with TestClient(app, headers=HEADERS) as client:
        assert "dropped" in ended(client, send(client).json()["id"])["description"]
        with client.websocket_connect("/subscribe") as socket:
            session = socket.receive_json()["session_id"]
            job = send(client, {"model_key": KEY, "session_id": session}).json()["id"]
            assert ended(client, job)["status"] == "COMPLETED"
            assert socket.receive_bytes()
