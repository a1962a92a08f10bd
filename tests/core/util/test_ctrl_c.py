"""Ctrl-C waits for what is done whole or not at all, and is not forgotten."""

import signal
import subprocess
import sys
import threading

import pytest
from tests.support.wait import PATIENCE

from steerstack.util.ctrl_c import held


@pytest.fixture(autouse=True)
def listening():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_heard_at_the_end():
    calls = []

    def work():
        with held():
            for _ in range(3):
                signal.raise_signal(signal.SIGINT)
            calls.append("whole")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert calls == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_ctrl_c_nothing_is_raised_and_all_is_put_back():
    with held():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_an_error_is_not_lost_to_ctrl_c():
    def fail():
        with held():
            signal.raise_signal(signal.SIGINT)
            raise ZeroDivisionError

    with pytest.raises(KeyboardInterrupt) as caught:
        fail()
    assert isinstance(caught.value.__context__, ZeroDivisionError)


def test_whoever_ignores_ctrl_c_goes_on_to():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with held():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_may_use_it():
    calls = []

    def work():
        with held():
            calls.append("whole")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert calls == ["whole"]


def test_a_process_that_is_begun_meanwhile_never_hears_of_it():
    with held():
        code = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('alive')"
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.communicate(timeout=PATIENCE)[0] == "alive\n"
