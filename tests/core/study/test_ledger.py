"""What is done is not done again, and a half-written line costs only itself."""

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
