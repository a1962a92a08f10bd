"""The process that runs what clients send: whatever that does, the next job runs."""

import multiprocessing

import nnsight
import pytest
from nnsight.intervention.backends.remote import RemoteBackend
from nnsight.schema.request import RequestModel

from steerstack.errors import ModelError
from steerstack.serving import worker as workers
from steerstack.serving.limits import Limits
from steerstack.serving.worker import ModelOrder, Worker
from steerstack.trace.remote.pickle_reader import decompressed, read_saved
from steerstack.trace.remote.remote_model import _skeleton


class Kept(RemoteBackend):
    """Takes down what is to be sent."""

    def __call__(self, tracer=None):
        self.blob = self._serialize(tracer)


@pytest.fixture(scope="module")
def start(tiny_folder):
    """A function from limits to a worker, whose processes are forks of one that has imported everything."""
    servers, patch = [], pytest.MonkeyPatch()
    patch.setattr(workers, "METHOD", "forkserver")
    multiprocessing.set_forkserver_preload(["steerstack.trace.open", "steerstack.trace.remote.runner"])

    def start(**limits):
        servers.append(Worker(ModelOrder(str(tiny_folder)), Limits(**limits)))
        servers[-1].start()
        return servers[-1]

    yield start
    for one in servers:
        one.stop()
    patch.undo()


@pytest.fixture(scope="module")
def envoy(tiny_folder):
    return _skeleton(str(tiny_folder), None, None, weights=False)[0]


def request(envoy, seconds=0, leave=None, gigabytes=0):
    """A request that waits, ends its process, or takes memory."""
    backend = Kept("nnsight.X:{}", host="http://127.0.0.1:9", api_key="none")
    with envoy.session(backend=backend):
        import os
        import time

        time.sleep(seconds)
        held = bytearray(int(gigabytes * 1e9))
        if leave is not None:
            os._exit(leave)
        answer = nnsight.save(len(held))  # noqa: F841
    return RequestModel(model_key="nnsight.X:{}", compress=backend.compress).metadata(), backend.blob


def circle(envoy, *, leave):
    """A request that leaves an object in a circle where only a collection ends it, or says whether the last is gone."""
    backend = Kept("nnsight.X:{}", host="http://127.0.0.1:9", api_key="none")
    with envoy.session(backend=backend):
        import argparse
        import gc
        import weakref

        if leave:
            gc.disable()
            node = argparse.Namespace()
            node.itself = node
            argparse.left = weakref.ref(node)
        answer = nnsight.save(argparse.left() is None)  # noqa: F841
    return RequestModel(model_key="nnsight.X:{}", compress=backend.compress).metadata(), backend.blob


def value(result):
    return read_saved(decompressed(result, True))["answer"]


def test_whatever_a_job_does_the_next_one_runs(start, envoy):
    worker = start()
    assert value(worker.run(*request(envoy))) == 0
    with pytest.raises(RuntimeError, match=r"ended the process that ran it \(exit code 3\)"):
        worker.run(*request(envoy, leave=3))
    with pytest.raises(RuntimeError, match=r"zstd|Zstd|frame"):
        worker.run(request(envoy)[0], b"no such thing")
    worker._process.kill()  # as the system does when memory runs out
    worker._process.join()
    assert value(worker.run(*request(envoy))) == 0
    assert worker.started == 3


def test_nothing_of_a_job_is_held_when_the_next_one_begins(start, envoy):
    worker = start()
    assert value(worker.run(*circle(envoy, leave=True))) is False
    assert value(worker.run(*circle(envoy, leave=False))) is True


def test_a_job_that_takes_too_long_or_that_nobody_wants_is_ended(start, envoy):
    worker = start(seconds=0.5)
    with pytest.raises(RuntimeError, match=r"more than 0\.5 s"):
        worker.run(*request(envoy, seconds=10_000))
    with pytest.raises(RuntimeError, match="cancelled"):
        worker.run(*request(envoy, seconds=10_000), lambda: False)


def test_a_job_that_takes_too_much_memory_is_ended(start, envoy):
    worker = start(memory=-(1 << 50))
    with pytest.raises(RuntimeError, match="of memory"):
        worker.run(*request(envoy, seconds=10_000))


def test_what_cannot_be_opened_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "METHOD", "forkserver")
    with pytest.raises(ModelError) as error:
        Worker(ModelOrder(str(tmp_path / "nothing"))).start()
    assert "nothing" in str(error.value)
