"""What is done is not done again, and a half-written line costs only itself."""

import json
import os
import signal

import pytest

from steerstack.errors import StudyError
from steerstack.study.ledger import Ledger


def test_a_step_is_computed_once(tmp_path):
    first = Ledger(tmp_path)
    assert first.once("step", [1], lambda: {"x": 1.5}) == {"x": 1.5}
    again = Ledger(tmp_path)
    assert again.once("step", [1], lambda: pytest.fail("computed again")) == {"x": 1.5}
    assert (again.reused, again.computed) == (1, 0)


def test_another_key_or_name_is_another_step(tmp_path):
    ledger = Ledger(tmp_path)
    values = [ledger.once(what, key, lambda v=v: v) for v, (what, key) in enumerate([("a", 1), ("a", 2), ("b", 1)])]
    assert values == [0, 1, 2]


def test_half_a_line_is_dropped_and_the_rest_kept(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.once("a", 1, lambda: 1)
    ledger.once("b", 1, lambda: 2)
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    again = Ledger(tmp_path)
    assert again.once("a", 1, lambda: pytest.fail("computed again")) == 1
    assert again.once("b", 1, lambda: 2) == 2
    assert Ledger(tmp_path).once("b", 1, lambda: pytest.fail("computed again")) == 2


def test_a_damaged_ledger_is_refused(tmp_path):
    (tmp_path / "ledger.jsonl").write_text("nonsense\n")
    with pytest.raises(StudyError, match="is damaged"):
        Ledger(tmp_path)


def test_ctrl_c_in_the_middle_of_a_line_comes_after_it(tmp_path, monkeypatch):
    ledger, plain = Ledger(tmp_path), os.fsync
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)

    def disturb(*arguments):
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        return plain(*arguments)

    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", disturb)
            with pytest.raises(KeyboardInterrupt):
                ledger.once("a", 1, lambda: 1)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert ledger.once("a", 1, lambda: pytest.fail("computed again")) == 1
    assert ledger.once("b", 1, lambda: 2) == 2
    assert [json.loads(line)["value"] for line in (tmp_path / "ledger.jsonl").read_text().splitlines()] == [1, 2]


def test_a_full_disk_leaves_no_half_line_to_write_on(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path)
    ledger.once("a", 1, lambda: 1)

    def full(_handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StudyError, match="could not be written down") as caught:
            ledger.once("b", 1, lambda: 2)
    assert "No space left" in caught.value.seen
    assert not ledger.has("b", 1)
    assert ledger.once("b", 1, lambda: 3) == 3
    assert Ledger(tmp_path).once("b", 1, lambda: pytest.fail("computed again")) == 3


def test_dropping_half_a_line_never_empties_the_file(tmp_path, monkeypatch):
    """A kill while the half line is dropped must not cost the whole ones."""
    Ledger(tmp_path).once("a", 1, lambda: "ä")
    path = tmp_path / "ledger.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"half')

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "truncate", die)
        with pytest.raises(KeyboardInterrupt):
            Ledger(tmp_path)
    assert path.read_bytes().startswith(whole)
    Ledger(tmp_path)
    assert path.read_bytes() == whole
