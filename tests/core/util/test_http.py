"""Clients check certificates, and read once what they check them by."""

import ssl

import httpx
import pytest

from steerstack.util import http


@pytest.fixture
def reading(monkeypatch):
    """A list with an entry for each time that certificates are read."""
    read, create = [], httpx.create_ssl_context
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: read.append(create()) or read[-1])
    http._certificates.cache_clear()
    yield read
    http._certificates.cache_clear()


def test_certificates_are_read_once_for_all_clients(reading):
    for _ in range(3):
        http.client(timeout=1).close()
    (context,) = reading
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] > 50


def test_a_client_has_the_options_it_is_given():
    with http.client(timeout=3.5, headers={"a": "b"}) as client:
        assert client.timeout == httpx.Timeout(3.5)
        assert client.headers["a"] == "b"
