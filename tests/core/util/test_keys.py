"""Keys that are kept by address, and where they may go."""

import json
import os

import pytest

from steerstack.errors import JudgeError
from steerstack.util.folders import home
from steerstack.util.keys import KEYS, check_key, is_loopback, kept_key


@pytest.fixture
def file(monkeypatch, tmp_path):
    monkeypatch.setenv("STEERSTACK_HOME", str(tmp_path))
    return home() / KEYS


def test_an_address_goes_before_its_host_and_no_other_is_taken(file):
    assert kept_key("https://gpu.lab/v1", JudgeError) is None
    file.write_text(json.dumps({"https://gpu.lab/v1": "one", "https://gpu.lab": "two", "http://gpu.lab": "three"}))
    file.chmod(0o600)
    keys = {"https://gpu.lab/v1/": "one", "https://gpu.lab/v2": "two", "https://gpu.lab:444/v1": None,
             "https://gpu.lab.evil.org/v1": None, "https://evil.org/https://gpu.lab": None}  # fmt: skip
    assert {address: kept_key(address, JudgeError) for address in keys} == keys


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", '{"https://gpu.lab": ["a"]}', '{"a": "1", "a": "2"}'])
def test_a_file_that_is_no_list_of_keys(file, text):
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(JudgeError, match=r"keys\.json"):
        kept_key("https://gpu.lab", JudgeError)


def test_a_pipe_is_not_waited_for(file):
    os.mkfifo(file, 0o600)
    with pytest.raises(JudgeError, match="no file that can be read"):
        kept_key("https://gpu.lab", JudgeError)


def test_in_the_clear_to_this_machine_only(monkeypatch):
    monkeypatch.delenv("STEERSTACK_PLAIN_HTTP", raising=False)
    check_key("http://127.0.0.1:1/v1", "key", JudgeError)
    check_key("https://gpu.lab", "key", JudgeError)
    with pytest.raises(JudgeError, match="in the clear"):
        check_key("http://gpu.lab", "key", JudgeError)
    assert [is_loopback(name) for name in ("localhost", "127.1.2.3", "::1", "10.0.0.1", "localhost.evil.org")] == [
        *(True, True, True, False, False)
    ]
