"""A file that somebody gives: read where it is a plain one, and else one error, without waiting."""

import os

import pytest

from steerstack.errors import DataError
from steerstack.util.plain_file import BIGGEST, read_plain


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
