"""What is done is not done again, and a half-written line costs only itself."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from steerstack.errors import StudyError
from steerstack.run.ledger import LEDGER, LOCK, Ledger, alone
from steerstack.run.step import Step


def once(ledger, what, key, compute):
    return ledger.once(what, key, compute, code=("steerstack.run.ledger",))


def test_a_step_is_computed_once(tmp_path):
    first = Ledger(tmp_path)
    assert once(first, "step", [1], lambda: {"x": 1.5}) == {"x": 1.5}
    again = Ledger(tmp_path)
    assert once(again, "step", [1], lambda: pytest.fail("computed again")) == {"x": 1.5}
    assert (again.reused, again.computed) == (1, 0)


def test_another_key_or_name_is_another_step(tmp_path):
    ledger = Ledger(tmp_path)
    values = [once(ledger, what, key, lambda v=v: v) for v, (what, key) in enumerate([("a", 1), ("a", 2), ("b", 1)])]
    assert values == [0, 1, 2]


@dataclass(frozen=True)
class Double(Step):
    """Twice a number."""

    number: int
    what: str = "double"

    def key(self, model):
        return self.number

    def run(self, model, progress):
        return 2 * self.number


def test_values_come_back_under_the_names_of_their_steps(tmp_path):
    named = {"b": Double(2), ("a", 1): Double(1), "again": Double(2)}
    assert Ledger(tmp_path).each(named, None) == {"b": 4, ("a", 1): 2, "again": 4}
    ledger = Ledger(tmp_path)
    assert ledger.each(named, None) == dict(zip(named, ledger.steps(list(named.values()), None), strict=True))
    assert ledger.computed == 0


@dataclass(frozen=True)
class Shared(Step):
    """Tells with whom it was done."""

    number: int
    what: str = "shared"

    def key(self, model):
        return self.number

    def run(self, model, progress):
        pytest.fail("done alone")

    def shares_with(self, other):
        return isinstance(other, Shared) and self.number // 100 == other.number // 100

    @classmethod
    def run_together(cls, steps, model, progress):
        return [[step.number for step in steps]] * len(steps)


def test_steps_that_share_work_are_done_together_and_each_is_kept(tmp_path):
    Ledger(tmp_path).steps([Shared(2)], None)
    ledger = Ledger(tmp_path)
    numbers = [1, 2, 3, 100, 101, 3, *range(200, 208)]
    values = ledger.steps([Shared(number) for number in numbers], None)
    first, rest = [200, 201, 202, 203, 204, 205], [206, 207]
    expected = [[1, 3], [2], [1, 3], [100, 101], [100, 101], [1, 3], *([first] * 6), *([rest] * 2)]
    assert values == expected
    assert (ledger.computed, ledger.reused) == (12, 2)
    assert Ledger(tmp_path).steps([Shared(number) for number in numbers], None) == expected


def test_half_a_line_is_dropped_and_the_rest_kept(tmp_path):
    ledger = Ledger(tmp_path)
    once(ledger, "a", 1, lambda: 1)
    once(ledger, "b", 1, lambda: 2)
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    again = Ledger(tmp_path)
    assert once(again, "a", 1, lambda: pytest.fail("computed again")) == 1
    assert once(again, "b", 1, lambda: 2) == 2
    assert once(Ledger(tmp_path), "b", 1, lambda: pytest.fail("computed again")) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: b"nonsense",
        lambda line: b"",
        lambda line: line[: len(line) // 2],
        lambda line: line.replace(b"1.5", b"1.6"),
        lambda line: line.replace(b'"value"', b'"walue"'),
        lambda line: b"\xff" + line[1:],
        lambda line: b"[" * 100_000,
        lambda line: b"[1]",
        lambda line: line.replace(b'"key": ', b'"key": [1], "other": '),
    ],
)
def test_a_damaged_line_is_named_and_only_its_step_is_done_again(tmp_path, caplog, damage):
    ledger = Ledger(tmp_path)
    for name in "abc":
        once(ledger, name, 1, lambda: {"x": 1.5})
    path = tmp_path / "ledger.jsonl"
    first, second, third = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first, damage(second), third]) + b"\n")
    again = Ledger(tmp_path)
    assert again.damaged == [2]
    (message,) = caplog.messages
    assert message == f"{path}: line 2 cannot be read back; those steps are done again."
    for name in "ac":
        assert once(again, name, 1, lambda: pytest.fail("computed again")) == {"x": 1.5}
    assert once(again, "b", 1, lambda: {"x": 2}) == {"x": 2}
    assert (again.reused, again.computed) == (2, 1)
    assert once(Ledger(tmp_path), "b", 1, lambda: pytest.fail("computed again")) == {"x": 2}


def test_other_code_is_another_step(tmp_path):
    ledger = Ledger(tmp_path)
    assert ledger.once("a", 1, lambda: 1, code=("steerstack.stats.estimates",)) == 1
    assert ledger.once("a", 1, lambda: 2, code=("steerstack.stats.auroc",)) == 2


STEP = """
from steerstack.run.step import Step
from changing.part import NUMBER


class Told(Step):
    what = "told"

    def key(self, model):
        return 0

    def run(self, model, progress):
        return NUMBER
"""
RUN = """
import sys
from pathlib import Path
from changing.step import Told
from steerstack.run.ledger import LEDGER, LOCK, Ledger, alone

ledger = Ledger(Path(sys.argv[1]))
print(*ledger.steps([Told()], None), ledger.computed, ledger.has(Told(), 0), ledger.has(Told(), 1))
"""


def test_a_step_whose_source_changes_is_done_again(tmp_path):
    package = tmp_path / "changing"
    package.mkdir()
    sources = {"__init__": "", "step": STEP, "part": "NUMBER = 1\n", "aside": "OTHER = 1\n"}
    for name, text in sources.items():
        (package / f"{name}.py").write_text(text)

    def run():
        path = os.pathsep.join([str(tmp_path), *sys.path])
        command = [sys.executable, "-B", "-c", RUN, str(tmp_path / "study")]
        process = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
        )
        assert process.returncode == 0, process.stderr
        return process.stdout.split()

    assert run() == ["1", "1", "True", "False"]
    (package / "aside.py").write_text("OTHER = 2\n")  # nobody imports it
    assert run() == ["1", "0", "True", "False"]
    (package / "part.py").write_text("NUMBER = 2\n")
    assert run() == ["2", "1", "True", "False"]


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
                once(ledger, "a", 1, lambda: 1)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert once(ledger, "a", 1, lambda: pytest.fail("computed again")) == 1
    assert once(ledger, "b", 1, lambda: 2) == 2
    assert [json.loads(line)["value"] for line in (tmp_path / "ledger.jsonl").read_text().splitlines()] == [1, 2]


def test_a_full_disk_leaves_no_half_line_to_write_on(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path)
    once(ledger, "a", 1, lambda: 1)

    def full(_handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StudyError, match="could not be written down") as caught:
            once(ledger, "b", 1, lambda: 2)
    assert "No space left" in caught.value.seen
    assert once(ledger, "b", 1, lambda: 3) == 3
    assert once(Ledger(tmp_path), "b", 1, lambda: pytest.fail("computed again")) == 3


def test_half_a_line_is_cut_off_in_the_file_itself(tmp_path):
    """A file that is written anew beside it could be left half by a full disk, and readers would hold the old one."""
    once(Ledger(tmp_path), "a", 1, lambda: 1)
    path = tmp_path / "ledger.jsonl"
    whole, inode = path.read_bytes(), path.stat().st_ino
    path.write_bytes(whole + b'{"half')
    assert path.stat().st_ino == inode
    again = Ledger(tmp_path)
    assert (path.read_bytes(), again.damaged) == (whole, [])
    once(again, "b", 1, lambda: 2)
    assert path.read_bytes().startswith(whole)
    assert path.stat().st_ino == inode


def test_dropping_half_a_line_never_empties_the_file(tmp_path, monkeypatch):
    """A kill while the half line is dropped must not cost the whole ones."""
    once(Ledger(tmp_path), "a", 1, lambda: "ä")
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


def test_what_is_no_number_is_refused_and_nothing_earlier_is_lost(tmp_path):
    ledger = Ledger(tmp_path)
    once(ledger, "a", 1, lambda: 1)
    for wrong in (float("nan"), [float("inf")]):
        with pytest.raises(StudyError, match="'b' gave what is no number"):
            once(ledger, "b", 1, lambda value=wrong: value)
    assert once(ledger, "b", 1, lambda: 2) == 2
    assert once(Ledger(tmp_path), "a", 1, lambda: pytest.fail("computed again")) == 1


def test_a_folder_where_the_file_should_be_and_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "study" / LEDGER).mkdir(parents=True)
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "study", tmp_path / "file", tmp_path / "file" / "within"):
        with pytest.raises(StudyError, match="cannot be kept") as caught:
            Ledger(place)
        assert caught.value.seen
        assert "STEERSTACK_HOME" in caught.value.fix
    with pytest.raises(StudyError, match="cannot be written"), alone(tmp_path / "file"):
        pass
    assert (tmp_path / "file").read_text() == "mine"


HOLD = """
import sys
from pathlib import Path
from steerstack.run.ledger import alone

with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_has_ended_however_it_ends(tmp_path):
    folder = tmp_path / "study"
    path = os.pathsep.join(sys.path)
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    with pytest.raises(StudyError, match="Another process is at work on the same study") as caught, alone(folder):
        pass
    assert str(folder) in str(caught.value)
    first.kill()
    first.communicate()
    with alone(folder):
        assert (folder / LOCK).is_file()
