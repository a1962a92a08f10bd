"""Jobs that wait are run together, and one that fails fails alone."""

import threading

import pytest
from tests.support.wait import until

from steerstack.errors import ArgumentError
from steerstack.serving.openai.job_batcher import JobBatcher


class Runs:
    """Doubles numbers; the first call waits until it is let go on."""

    def __init__(self):
        self.calls, self.go_on = [], threading.Event()

    def __call__(self, jobs):
        self.calls.append(list(jobs))
        if len(self.calls) == 1:
            self.go_on.wait()
        if -1 in jobs:
            raise ArgumentError("no number", seen=str(jobs))
        return [2 * job for job in jobs]


def gone():
    raise InterruptedError


def started(batcher, job, alive=lambda: None):
    outcome = []

    def work():
        try:
            outcome.append(batcher(job, alive))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, outcome


def gathered(jobs):
    """What comes of jobs that wait for another one, in turn, and what was run."""
    runs = Runs()
    batcher = JobBatcher(runs)
    threads = [started(batcher, 1)]
    until(lambda: runs.calls, "the first job")
    threads += [started(batcher, *job) for job in jobs]
    until(lambda: batcher.waiting == len(jobs), "the others")
    runs.go_on.set()
    for thread, _ in threads:
        thread.join()
    return [outcome for _, (outcome,) in threads], runs.calls


def test_jobs_that_wait_are_run_at_once():
    outcomes, calls = gathered([(2,), (3,), (4,)])
    assert outcomes == [2, 4, 6, 8]
    assert [sorted(call) for call in calls] == [[1], [2, 3, 4]]


def test_a_job_that_nobody_waits_for_is_not_run():
    outcomes, calls = gathered([(2,), (3, gone)])
    assert outcomes[:2] == [2, 4]
    assert isinstance(outcomes[2], InterruptedError)
    assert calls == [[1], [2]]


def test_a_job_at_fault_fails_alone():
    outcomes, calls = gathered([(2,), (-1,), (3,)])
    assert outcomes[:2] == [2, 4]
    assert isinstance(outcomes[2], ArgumentError)
    assert outcomes[3] == 6
    assert len(calls) == 5


def test_what_is_wrong_with_one_alone_is_told():
    runs = Runs()
    runs.go_on.set()
    with pytest.raises(ArgumentError, match="no number"):
        JobBatcher(runs)(-1, lambda: None)
