"""A stranger's plugin that misbehaves at import harms nobody else, and is named."""

import signal

import pytest
import torch

from steerstack.catalog.containment import contained
from steerstack.catalog.manager import PluginManager


@pytest.mark.parametrize("raised", ["KeyboardInterrupt()", "SystemExit(3)", "GeneratorExit()", "BaseException('odd')"])
def test_whatever_it_raises_is_its_cause(install, raised):
    manager = PluginManager([install("odd", f"raise {raised}")])
    assert raised.partition("(")[0] in manager.failed[0].cause


def test_what_it_prints_is_no_result(install, capsys):
    PluginManager([install("chatty", "print('hello')")])
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "hello" in streams.err


def test_what_it_sets_for_all_of_torch_is_put_back_and_named(install, caplog):
    source = """
    import torch
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.set_num_threads(3)
    """
    before = torch.get_num_threads()
    PluginManager([install("grabby", source)])
    assert (torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()) == (
        torch.float32,
        True,
        before,
    )
    for name in ("grabby/extra", "default dtype", "gradient mode", "number of threads"):
        assert name in caplog.text


def test_the_second_entry_point_of_a_name_is_named_and_the_first_works(install):
    point = install("twin", "def steerstack_extractors():\n    return []")
    manager = PluginManager([point, point])
    assert [plugin.cause is None for plugin in manager.loaded] == [True, False]
    assert "two entry points" in manager.failed[0].cause


@pytest.fixture
def interrupts():
    """Ctrl-C raises KeyboardInterrupt, whatever the process that runs tests does with it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_users_ctrl_c_is_the_users(interrupts):
    with pytest.raises(KeyboardInterrupt), contained("slow"):
        signal.raise_signal(signal.SIGINT)
