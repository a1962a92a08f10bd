"""No test hears less than the first one did."""

import logging

import pytest

from tests.support import logs

LOG = logging.getLogger("steerstack")


@pytest.mark.parametrize(
    "leave",
    [
        lambda: LOG.setLevel(logging.CRITICAL),
        lambda: setattr(LOG, "propagate", False),
        lambda: setattr(LOG, "disabled", True),
        lambda: logging.root.setLevel(logging.CRITICAL),
        lambda: logging.disable(logging.CRITICAL),
    ],
)
def test_what_a_test_leaves_changed_is_put_back_and_named(caplog, leave):
    leave()
    LOG.warning("not heard")
    assert len(logs.put_back()) == 1
    LOG.warning("heard")
    assert caplog.messages == ["heard"]


def test_a_level_that_is_remembered_is_looked_up_again(caplog, monkeypatch):
    with monkeypatch.context() as only_here:
        only_here.setattr(logging.root, "level", logging.CRITICAL)  # which, unlike setLevel, tells nobody
        LOG.warning("not heard")
    assert logs.put_back() == []
    LOG.warning("heard")
    assert caplog.messages == ["heard"]
