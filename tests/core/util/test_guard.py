"""Files that may hold anything: what has no end is not opened, and JSON gives a value or one kind of error."""

import json
import os

import pytest

from steerstack.errors import DataError
from steerstack.util.guard import BIGGEST, check_regular, load_json, parse_json, read_json, read_plain


def test_a_file_passes_and_what_has_no_end_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    check_regular(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for path, kind in [(tmp_path / "pipe", "pipe"), (tmp_path / "link", "device"), (tmp_path, "folder")]:
        with pytest.raises(OSError, match=f"is a {kind}"):
            check_regular(path)
    with pytest.raises(FileNotFoundError):
        check_regular(tmp_path / "nothing")


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True, "ü"]}, [], "x", 0, {"a": {"a": 1}}])
def test_json_reads_as_json(value):
    assert load_json(f"\n {json.dumps(value)} ") == value


def test_values_are_read_one_after_the_other():
    text = '{"a": 1} [2]'
    assert parse_json(text) == ({"a": 1}, 8)
    assert parse_json(text, at=9) == ([2], 12)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[" * 100_000, "nest too deeply"), ('{"a":' * 100_000, "nest too deeply"), ("9" * 5000, "digits"),
        ('{"a": 1, "a": 2}', "'a' stands twice"), ('[{"b": {"a": 1, "a": 1}}]', "'a' stands twice"),
        ('{"a"', "delimiter"), ("", "Expecting value"), ("1 2", "Extra data"), ("nope", "Expecting value"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_a_value_error(text, what):
    with pytest.raises(ValueError, match=what):
        load_json(text)


def test_text_with_or_without_a_mark(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfh\xc3\xa9\r\n")
    assert read_plain(tmp_path / "a", DataError) == "hé\r\n"


def refused(path, said, **options):
    with pytest.raises(DataError) as caught:
        read_plain(path, DataError, **options)
    assert said in str(caught.value)
    assert caught.value.fix


def test_what_is_no_plain_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(tmp_path / "pipe", "a pipe")
    refused("/dev/zero", "a device")
    refused(tmp_path / "link", "a device")
    refused(tmp_path / "loop", "cannot be read")
    refused(tmp_path, "a folder")
    refused(tmp_path / "none", "no file")
    refused("a\0b", "cannot be read")
    refused("\ud800", "no file" if os.path.supports_unicode_filenames else "")
    refused("x" * 5000, "cannot be read")


def test_what_is_too_large_or_no_text(tmp_path):
    (tmp_path / "large").write_bytes(b"a" * (BIGGEST + 1))
    refused(tmp_path / "large", "too large")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    refused(tmp_path / "bytes", "as text", fix="Save it otherwise.")


@pytest.mark.parametrize(
    ("content", "said"),
    [("[1]", "no JSON object"), ('{"x": 1, "x": 2}', "not JSON"), ("[" * 10_000, "not JSON"), (" " * 40, "too large")],
)
def test_an_object_is_read_within_a_bound_or_refused(tmp_path, content, said):
    path = tmp_path / "settings.json"
    path.write_text('{"x": [1]}')
    assert read_json(path, DataError) == {"x": [1]}
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        read_json(path, DataError, most=20_000 if "[" in content else 30)
