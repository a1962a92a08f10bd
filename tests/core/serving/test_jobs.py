"""Jobs run one after the other in one thread, only so many wait, and only so many are remembered."""

import threading

import pytest
from tests.support.wait import PATIENCE

from steerstack.serving.jobs import Jobs, QueueFullError
from steerstack.serving.limits import Limits


def done(jobs, work):
    job = jobs.add(lambda _: work())
    assert job.done.wait(PATIENCE)
    return job


def test_all_in_one_thread():
    jobs, threads = Jobs(), []
    job = done(jobs, lambda: threads.append(threading.get_ident()) or b"result")
    done(jobs, lambda: threads.append(threading.get_ident()) or b"")
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()
    assert (job.status, job.result) == ("COMPLETED", b"result")
    assert jobs.get(job.id) is job
    assert jobs.get("guess") is None


@pytest.mark.parametrize(
    ("raised", "told"),
    [(ZeroDivisionError("no"), "no"), (SystemExit(), "SystemExit"), (KeyboardInterrupt(), "KeyboardInterrupt")],
)
def test_an_error_ends_the_job_and_not_the_server(raised, told):
    def work():
        raise raised

    jobs = Jobs()
    failed = done(jobs, work)
    assert (failed.status, failed.description) == ("ERROR", told)
    assert done(jobs, lambda: b"x").status == "COMPLETED"


@pytest.mark.parametrize(("number", "size", "left"), [(3, 1 << 20, 3), (64, 25, 3)])
def test_the_oldest_results_are_forgotten(number, size, left):
    jobs = Jobs(number, size)
    ids = [done(jobs, lambda: b"ten bytes!").id for _ in range(6)]
    remembered = [name for name in ids if jobs.get(name)]
    assert remembered == ids[-left:]


def test_only_so_many_wait_and_one_that_waits_can_be_cancelled():
    jobs, go = Jobs(limits=Limits(queue=2)), threading.Event()
    first = jobs.add(lambda _: go.wait(PATIENCE) and b"1")
    second = jobs.add(lambda _: b"2")
    with pytest.raises(QueueFullError):
        jobs.add(lambda _: b"3")
    second.cancelled.set()
    go.set()
    assert second.done.wait(PATIENCE)
    assert (first.result, second.status, second.result) == (b"1", "ERROR", b"")
    assert "cancelled" in second.description
    assert done(jobs, lambda: b"3").result == b"3"


def test_a_job_whose_client_is_gone_is_dropped():
    jobs = Jobs(limits=Limits(patience=-1.0))
    dropped = done(jobs, lambda: b"never")
    assert (dropped.status, dropped.result) == ("ERROR", b"")
    assert "dropped" in dropped.description
