import pytest


@pytest.fixture(autouse=True)
def no_published_data(monkeypatch):
    """Defaults are those of a machine without published data, but where a test says otherwise."""
    monkeypatch.delenv("STEERSTACK_DATA", raising=False)
