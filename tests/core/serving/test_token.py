"""The token of a server: from a file, a question or the environment, and never in a message."""

import re

import pytest

from steerstack.errors import RemoteError, SteerstackError
from steerstack.serving import packages, serve
from steerstack.serving.token import new_token, read_token


def never():
    raise AssertionError("nobody is asked")


def test_where_it_comes_from(tmp_path, monkeypatch):
    monkeypatch.delenv("STEERSTACK_SERVE_TOKEN", raising=False)
    assert read_token(None, ask=never) is None
    monkeypatch.setenv("STEERSTACK_SERVE_TOKEN", "one")
    assert read_token(None, ask=never) == "one"
    (tmp_path / "token").write_text("two\n")
    assert read_token(tmp_path / "token", ask=never) == "two"
    assert read_token("-", ask=lambda: "three") == "three"


@pytest.mark.parametrize("content", [b"", b"  ", b"planted\nlines", b"planted\xff", b"planted\x1b"], ids=range(5))
def test_what_is_no_token(tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(RemoteError) as error:
        read_token(tmp_path / "token", ask=never)
    assert "planted" not in str(error.value)


def test_no_file(tmp_path):
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(RemoteError, match="cannot be read"):
            read_token(place, ask=never)


def test_packages_are_looked_for_before_the_model_is_opened(monkeypatch):
    monkeypatch.setitem(packages.NEEDED, "no_such_module", "no-such-package")
    with pytest.raises(SteerstackError, match=re.escape("steerstack[serve]")) as error:
        serve.serve("no such model")
    assert "no-such-package" in str(error.value)


def test_a_server_on_loopback_makes_a_token_and_says_what_a_client_needs(tiny_folder, monkeypatch):
    lines, apps = [], []
    monkeypatch.setattr(serve.uvicorn, "run", lambda app, **_: apps.append(app))
    serve.serve(str(tiny_folder), say=lines.append)
    (token,) = re.findall(r"STEERSTACK_SERVE_TOKEN=(\S+) ", " ".join(lines))
    assert len(token) >= 32
    assert new_token() != new_token()
    assert len(apps) == 1
