"""Files that may hold anything: what has no end is not opened, and JSON gives a value or one kind of error."""

import json
import os

import pytest

from steerstack.util.guard import check_regular, load_json, parse_json


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
