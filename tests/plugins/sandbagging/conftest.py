"""The small world's model and its organisms, each made once; the model is kept in the user's cache."""

from functools import cache

import pytest

from steerstack.catalog.lookup import find
from steerstack_plugins.sandbagging.audit.battery import audit_data
from steerstack_plugins.sandbagging.small_world.model import open_origin


@pytest.fixture(scope="session")
def origin():
    return open_origin(0)


@pytest.fixture(scope="session")
def made(origin):
    """A function from a name to the organism with its defaults."""
    return cache(lambda name: find("organism", name).make().build(origin, seed=3))


@pytest.fixture(scope="session")
def locked(made):
    return made("locked")


@pytest.fixture(scope="session")
def unlocked(made):
    return made("unlocked")


@pytest.fixture(scope="session")
def asked():
    return audit_data(36)
