"""The small world's model and two organisms, made once; the model is kept in the user's cache."""

import pytest

from steerstack_plugins.sandbagging.battery import audit_data
from steerstack_plugins.sandbagging.locked import Locked
from steerstack_plugins.sandbagging.origin import open_origin
from steerstack_plugins.sandbagging.unlocked import Unlocked


@pytest.fixture(scope="session")
def origin():
    return open_origin(0)


@pytest.fixture(scope="session")
def locked(origin):
    return Locked().build(origin, seed=3)


@pytest.fixture(scope="session")
def unlocked(origin):
    return Unlocked().build(origin, seed=3)


@pytest.fixture(scope="session")
def asked():
    return audit_data(36)
