"""Installed listeners hear of steps; one that fails is reported once and harms nothing."""

import importlib.metadata
import logging
import sys
import types

import pytest

from steerstack import listening
from steerstack.contracts import Listener
from steerstack.hookspecs import hookimpl
from steerstack.plugins import GROUP, PluginManager
from steerstack.study.ledger import Ledger

heard = []


class Notebook(Listener):
    name = "notebook"

    def notify(self, event):
        heard.append(event)


class Grumpy(Listener):
    name = "grumpy"

    def notify(self, event):
        raise RuntimeError("not today")


@pytest.fixture
def installed(monkeypatch):
    """Both listeners, as a plugin offers them."""
    module = types.ModuleType("notebook_module")
    module.steerstack_listeners = hookimpl(lambda: [Grumpy, Notebook], specname="steerstack_listeners")
    monkeypatch.setitem(sys.modules, "notebook_module", module)
    manager = PluginManager([importlib.metadata.EntryPoint("notebook", "notebook_module", GROUP)])
    assert manager.failed == []
    monkeypatch.setattr(listening, "plugins", lambda: manager)
    listening._listeners.cache_clear()
    heard.clear()
    yield
    listening._listeners.cache_clear()
    listening._failed.clear()


def test_steps_are_told_and_a_failing_listener_is_named_once(installed, tmp_path, caplog):
    ledger = Ledger(tmp_path)
    with caplog.at_level(logging.WARNING, logger="steerstack"):
        assert ledger.once("a step", 1, lambda: [1, 2]) == [1, 2]
        assert ledger.once("a step", 1, lambda: pytest.fail("computed again")) == [1, 2]
    assert [(event.kind, event.what) for event in heard] == [("step-started", "a step"), ("step-finished", "a step")]
    assert heard[1].details["seconds"] >= 0
    assert [record.getMessage() for record in caplog.records] == [
        "the listener unknown/grumpy failed and is left alone: not today"
    ]
