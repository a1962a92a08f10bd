"""The same call, made again by another process, waits for the job that the first one sent."""

import json
from functools import partial

import httpx
import pytest

from steerstack.errors import RemoteError
from steerstack.trace.remote.job import Job
from steerstack.trace.remote.pack import pack
from steerstack.trace.remote.pending_jobs import Pending
from steerstack.trace.remote.sources import closure

from .remote_edits import edits
from .test_job import DONE, HOST, packed, said

RESULT = httpx.Response(200, content=packed({"x": 1}))


@pytest.fixture
def call():
    """A function that makes one call to a server which replies as it is told; gives the answer and what was asked."""

    def make(*replies, payload=b"one"):
        requests, left = [], list(replies)

        def reply(request):
            requests.append(f"{request.method} {request.url.path}")
            response = left.pop(0)
            if isinstance(response, BaseException):
                raise response
            return response

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(httpx, "Client", partial(httpx.Client, transport=httpx.MockTransport(reply)))
            pending = Pending(HOST, "nnsight.X:{}", payload)
            job = Job("nnsight.X:{}", host=HOST, api_key=None, env={}, pending=pending, poll=(0.0, 0.0))
            try:
                return job.result(), requests
            except (KeyboardInterrupt, ConnectionError):
                return None, requests

    return make


@pytest.mark.parametrize("end", [KeyboardInterrupt(), httpx.ConnectError("gone")])
def test_an_answer_is_fetched_by_the_id_of_the_first_job(call, end):
    assert call(said("RECEIVED"), end)[0] is None
    answer, requests = call(said("RUNNING"), DONE, RESULT)
    assert answer == {"x": 1}
    assert requests == ["GET /response/a", "GET /response/a", "GET /result/a"]


def test_an_answered_call_is_a_new_job_the_next_time(call):
    for _ in range(2):
        _, requests = call(said("RECEIVED"), DONE, RESULT)
        assert requests[0] == "POST /request"


def test_a_server_that_has_forgotten_the_job_is_sent_it_again(call):
    call(said("RECEIVED"), KeyboardInterrupt())
    answer, requests = call(
        httpx.Response(404), said("RECEIVED", "b"), said("COMPLETED", "b", data=f"{HOST}/r"), RESULT
    )
    assert answer == {"x": 1}
    assert requests[:2] == ["GET /response/a", "POST /request"]


def test_another_call_and_an_old_job_are_not_waited_for(own_home, call):
    call(said("RECEIVED"), KeyboardInterrupt())
    assert call(said("RECEIVED", "b"), DONE, RESULT, payload=b"two")[1][0] == "POST /request"
    (file,) = (own_home / "jobs").iterdir()
    job = json.loads(file.read_text())
    file.write_text(json.dumps({**job, "sent": job["sent"] - 25 * 3600}))
    assert call(said("RECEIVED", "b"), DONE, RESULT)[1][0] == "POST /request"


def test_a_failed_job_is_not_waited_for_again(call):
    with pytest.raises(RemoteError):
        call(said("RECEIVED"), said("ERROR", description="Traceback\nValueError: no"))
    assert call(said("RECEIVED", "b"), DONE, RESULT)[1][0] == "POST /request"


def test_only_the_user_can_read_ids(own_home, call):
    call(said("RECEIVED"), KeyboardInterrupt())
    assert (own_home / "jobs").stat().st_mode & 0o077 == 0


def test_the_same_call_is_the_same_bytes():
    packs = [pack(("steerstack.engine.answers", "read_answers", [edits()[name]], {}))[0] for name in ("two", "two")]
    assert packs[0] == packs[1]
    assert closure({"steerstack.engine.answers"}) == closure({"steerstack.engine.answers"})
