"""A job over a network that fails: waited for, sent again after a restart, and refusals that say what they mean."""

import io
from functools import partial

import httpx
import pytest
import torch
import zstandard

from steerstack.errors import RemoteError
from steerstack.trace.remote.job import FORGOTTEN, Job

HOST = "http://gpu.lab"


def packed(value):
    file = io.BytesIO()
    torch.save(value, file)
    return zstandard.compress(file.getvalue())


def said(status, name="a", **more):
    return httpx.Response(200, json={"id": name, "status": status, **more})


@pytest.fixture
def job(monkeypatch):
    """A function from what the server replies, in order, to a job and what was asked of the server."""

    def make(*replies):
        requests, left = [], list(replies)

        def reply(request):
            requests.append(f"{request.method} {request.url.path}")
            response = left.pop(0)
            if isinstance(response, Exception):
                raise response
            return response

        monkeypatch.setattr(httpx, "Client", partial(httpx.Client, transport=httpx.MockTransport(reply)))
        return Job("nnsight.X:{}", host=HOST, api_key="key", env={}, poll=(0.0, 0.0)), requests

    return make


GONE = httpx.ConnectError("connection refused")
DONE = said("COMPLETED", data=f"{HOST}/result/a")


def test_it_is_waited_for(job):
    one, requests = job(
        said("RECEIVED"), said("QUEUED"), said("RUNNING"), DONE, httpx.Response(200, content=packed({"x": 1}))
    )
    assert one.result() == {"x": 1}
    assert requests == ["POST /request", *["GET /response/a"] * 3, "GET /result/a"]


def test_a_restarted_server_is_sent_it_again(job):
    one, requests = job(
        said("RECEIVED"), said("RUNNING"), GONE, httpx.Response(404), said("RECEIVED", "b"),
        said("COMPLETED", "b", data=f"{HOST}/result/b"), httpx.Response(200, content=packed({"x": 2})),
    )  # fmt: skip
    with pytest.raises(ConnectionError):
        one.result()
    assert one.result() == {"x": 2}
    assert requests[3:] == ["GET /response/a", "POST /request", "GET /response/b", "GET /result/b"]


def test_a_short_break_in_the_line_sends_nothing_twice(job):
    one, requests = job(
        said("RECEIVED"),
        GONE,
        said("RUNNING"),
        httpx.Response(404),
        DONE,
        httpx.Response(200, content=packed({"x": 3})),
    )
    with pytest.raises(ConnectionError):
        one.result()
    assert one.result() == {"x": 3}
    assert requests.count("POST /request") == 1


def test_a_job_that_is_not_known_yet_is_waited_for_and_then_sent_again(job):
    unknown = [httpx.Response(404) for _ in range(FORGOTTEN + 1)]
    one, requests = job(said("RECEIVED"), *unknown, said("RECEIVED"), DONE, httpx.Response(200, content=packed({})))
    assert one.result() == {}
    assert requests.count("POST /request") == 2


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateway_means_that_the_server_is_away(job, status):
    one, _ = job(httpx.Response(status), said("RECEIVED"), httpx.Response(status))
    for _ in range(2):
        with pytest.raises(ConnectionError):
            one.result()


@pytest.mark.parametrize(
    ("reply", "happened", "fix"),
    [
        (httpx.Response(401, json={"detail": "who are you"}), "refuses the API key", "STEERSTACK_SERVE_TOKEN"),
        (httpx.Response(404, json={"detail": "deployed: b"}), "does not have this model", "as the server was started"),
        (httpx.Response(409, json={"detail": "nnsight 0.9"}), "refuses the request", "nnsight 0.9"),
    ],
)
def test_refusals(job, reply, happened, fix):
    one, _ = job(reply)
    with pytest.raises(RemoteError, match=happened) as error:
        one.result()
    assert fix in str(error.value)


@pytest.mark.parametrize(
    ("traceback", "seen"),
    [
        ("Traceback\n  line 3\nModuleNotFoundError: No module named 'scipy'", "install it there"),
        ("Traceback\nValueError: the sky is falling\n", "the sky is falling"),
        ("", "no reason given"),
    ],
)
def test_a_failed_job_gives_the_end_of_its_traceback(job, traceback, seen):
    one, _ = job(said("RECEIVED"), said("ERROR", description=traceback))
    with pytest.raises(RemoteError, match="could not run") as error:
        one.result()
    assert seen in str(error.value)
