"""Jobs run one after the other in one thread, and only so many are remembered."""

import threading

import pytest
from tests.support.wait import PATIENCE

from steerstack.serving.jobs import Jobs


def done(jobs, work):
    job = jobs.add(work)
    assert job.done.wait(PATIENCE)
    return job


def test_all_in_the_thread_that_opened_the_model():
    jobs, seen = Jobs(), []
    jobs.first(lambda: seen.append(threading.get_ident()))
    job = done(jobs, lambda: seen.append(threading.get_ident()) or b"result")
    assert len(set(seen)) == 1
    assert seen[0] != threading.get_ident()
    assert (job.status, job.result) == ("COMPLETED", b"result")
    assert jobs.get(job.id) is job
    assert jobs.get("guess") is None


def test_what_opening_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        Jobs().first(lambda: 1 / 0)


def test_an_error_ends_the_job_and_not_the_server():
    jobs = Jobs()
    failed = done(jobs, lambda: 1 / 0)
    assert (failed.status, failed.description) == ("ERROR", "division by zero")
    assert done(jobs, lambda: b"x").status == "COMPLETED"


@pytest.mark.parametrize(("number", "size", "left"), [(3, 1 << 20, 3), (64, 25, 3)])
def test_the_oldest_results_are_forgotten(number, size, left):
    jobs = Jobs(number, size)
    ids = [done(jobs, lambda: b"ten bytes!").id for _ in range(6)]
    remembered = [name for name in ids if jobs.get(name)]
    assert remembered == ids[-left:]
