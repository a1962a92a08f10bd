"""Which key goes to which server."""

import json
import sys
from importlib.metadata import version

import pytest
from nnsight.intervention.backends.remote import RemoteBackend
from tests.support.hostile import hostile_server

from steerstack.errors import RemoteError
from steerstack.trace.open import open_model
from steerstack.trace.remote.keys import check_address, key_for
from steerstack.util.folders import home

NDIF_KEY, TOKEN = "ndif-planted-key", "own-planted-token"


@pytest.fixture(autouse=True)
def _keys(monkeypatch, tmp_path):
    monkeypatch.setenv("STEERSTACK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NDIF_API_KEY", NDIF_KEY)
    monkeypatch.setattr("nnsight.CONFIG.API.APIKEY", "ndif-saved-key")
    monkeypatch.setenv("STEERSTACK_SERVE_TOKEN", TOKEN)
    monkeypatch.delenv("STEERSTACK_PLAIN_HTTP", raising=False)


@pytest.mark.parametrize("host", ["https://api.ndif.us", "https://ndif.us", "https://api.NDIF.us:443"])
def test_ndifs_key_goes_to_ndif(host, monkeypatch):
    assert key_for(host) == NDIF_KEY
    monkeypatch.delenv("NDIF_API_KEY")
    assert key_for(host) == "ndif-saved-key"


@pytest.mark.parametrize(
    "host",
    ["https://gpu.lab", "https://ndif.us.evil.org", "https://evilndif.us", "http://127.0.0.1:1", "http://[::1]:1"],
)
def test_and_to_no_other(host, monkeypatch):
    assert key_for(host) == TOKEN
    monkeypatch.delenv("STEERSTACK_SERVE_TOKEN")
    assert key_for(host) is None


@pytest.mark.parametrize(
    "host", ["http://gpu:8765", "http://api.ndif.us", "http://192.168.1.4", "http://localhost.lab"]
)
def test_no_key_goes_in_the_clear_without_a_flag(host, monkeypatch):
    with pytest.raises(RemoteError, match="in the clear") as error:
        key_for(host)
    assert TOKEN not in str(error.value)
    monkeypatch.setenv("STEERSTACK_PLAIN_HTTP", "1")
    assert key_for(host) == TOKEN
    monkeypatch.delenv("STEERSTACK_PLAIN_HTTP")
    monkeypatch.delenv("STEERSTACK_SERVE_TOKEN")
    assert key_for(host) is None


def keep(text, mode=0o600):
    home().mkdir(exist_ok=True)
    (home() / "keys.json").write_text(text)
    (home() / "keys.json").chmod(mode)


def test_a_server_has_an_entry_of_its_own():
    keep(json.dumps({"https://gpu.lab": "its own"}))
    assert key_for("https://gpu.lab") == "its own"
    assert key_for("https://other.lab") == TOKEN
    assert key_for("https://api.ndif.us") == NDIF_KEY


@pytest.mark.parametrize(
    ("text", "mode", "happened"),
    [("{}", 0o644, "read by others"), ("[]", 0o600, "JSON object"), ("{", 0o600, "JSON"), ('{"https://gpu.lab": 3}', 0o600, "JSON")],
)  # fmt: skip
def test_a_file_of_keys_that_cannot_be_used(text, mode, happened):
    keep(text, mode)
    with pytest.raises(RemoteError, match=happened):
        key_for("https://gpu.lab")


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel", "\x1b[31m"])
def test_what_cannot_stand_in_a_header(key, monkeypatch):
    monkeypatch.setenv("STEERSTACK_SERVE_TOKEN", key)
    with pytest.raises(RemoteError, match="cannot be sent") as error:
        key_for("https://gpu.lab")
    assert key not in str(error.value)


@pytest.mark.parametrize(
    "host", ["http://u:planted@gpu", "http://a@b:planted@gpu", "https://gpu/?token=planted", "https://gpu#planted"]
)
def test_an_address_holds_no_secret(host, tiny_folder):
    with pytest.raises(RemoteError, match="no user, password or query") as error:
        open_model(tiny_folder, remote=host)
    assert "planted" not in str(error.value)


@pytest.mark.parametrize(
    "host", ["gpu:8765", "ftp://gpu", "http://", "http://[::1", "file:///etc/passwd", "http://gpu:0"]
)
def test_what_is_no_address(host):
    with pytest.raises(RemoteError, match="not the address"):
        check_address(host)


def test_a_server_of_ones_own_never_sees_ndifs_key(tiny_folder, monkeypatch):
    with hostile_server() as server:
        for token in (TOKEN, None):
            monkeypatch.setenv("STEERSTACK_SERVE_TOKEN", token or "")
            with pytest.raises(RemoteError):
                open_model(tiny_folder, remote=server.host)
            assert RemoteBackend("nnsight.X:{}", host=server.host).api_key == (token or "")
    sent = [value for _, _, headers in server.asked for value in headers.values()]
    assert TOKEN in sent
    assert NDIF_KEY not in sent
    assert "ndif-saved-key" not in sent
    (about, *_) = (headers for method, _, headers in server.asked if method == "POST")
    environment = {name.lower(): value for name, value in about.items()}
    assert (environment["nnsight-version"], environment["python-version"]) == (version("nnsight"), sys.version)
    results = [headers for _, path, headers in server.asked if path.startswith("/result")]
    assert results
    assert all("ndif-api-key" not in {name.lower() for name in headers} for headers in results)
