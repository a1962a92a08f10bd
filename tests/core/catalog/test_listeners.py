"""Installed listeners hear of steps; one that fails is reported once and harms nothing."""

import logging

import pytest

from steerstack.run.ledger import Ledger

LISTENERS = """
    from steerstack.contracts import Listener
    from steerstack.catalog.hookspecs import hookimpl

    heard = []

    class Notebook(Listener):
        name = "notebook"

        def notify(self, event):
            heard.append(event)

    class Grumpy(Listener):
        name = "grumpy"

        def notify(self, event):
            raise RuntimeError("not today")

    @hookimpl
    def steerstack_listeners():
        return [Grumpy, Notebook]
"""


def test_steps_are_told_and_a_failing_listener_is_named_once(install, fresh, tmp_path, caplog):
    heard = install("lab-kit", LISTENERS).load().heard
    ledger = Ledger(tmp_path)
    with caplog.at_level(logging.WARNING, logger="steerstack"):
        assert ledger.once("a step", 1, lambda: [1, 2], code=(__name__,)) == [1, 2]
        assert ledger.once("a step", 1, lambda: pytest.fail("computed again"), code=(__name__,)) == [1, 2]
    assert [(event.kind, event.what) for event in heard] == [("step-started", "a step"), ("step-finished", "a step")]
    assert heard[1].details["seconds"] >= 0
    assert [record.getMessage() for record in caplog.records] == [
        "the listener lab-kit/grumpy failed and is left alone: not today"
    ]
