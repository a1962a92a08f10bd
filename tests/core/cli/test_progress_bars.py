"""Progress bars show how much of how much, how fast, and how long still."""

import io
import logging

import pytest
from rich.console import Console

from steerstack.cli import progress_bars


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def shown_by(clock):
    """Bars on a screen of 100 columns that go by a clock."""
    screen = Console(file=io.StringIO(), width=100, force_terminal=True)
    return progress_bars.bars(console=screen, get_time=clock, auto_refresh=False)


def shown(bars) -> str:
    screen = Console(file=io.StringIO(), width=100)
    screen.print(bars.shown.get_renderable())
    return screen.file.getvalue().strip()


def test_done_of_total_rate_and_time_left(clock):
    with shown_by(clock) as bars:
        bars.expect("sweep", 120)
        for _ in range(5):
            clock.now += 2
            bars.advance("sweep", 10)
        text = shown(bars)
    assert text.startswith("⠋ sweep") or "sweep" in text
    assert "50/120" in text
    assert "5.0/s" in text
    assert "0:00:14" in text


def test_what_was_done_earlier_is_no_part_of_the_rate(clock):
    with shown_by(clock) as bars:
        bars.expect("sweep", 1000, 900)
        assert "900/1000" in shown(bars)
        for _ in range(4):
            clock.now += 10
            bars.advance("sweep", 2)
        text = shown(bars)
    assert "908/1000" in text
    assert "12.0/min" in text
    assert "0:07:40" in text  # 92 at 0.2/s


def test_more_of_the_same_work_adds_up_and_one_bar_is_shown(clock):
    with shown_by(clock) as bars:
        bars.expect("prompts", 10)
        bars.advance("prompts", 10)
        bars.expect("costs", 3)
        assert "prompts" not in shown(bars)
        bars.expect("prompts", 10, 5)
        text = shown(bars)
        assert "15/20" in text
        assert "costs" not in text


def test_work_of_unknown_length_is_counted(clock):
    with shown_by(clock) as bars:
        bars.advance("answers", 3)
        assert "3/?" in shown(bars)


def test_what_is_said_of_a_job_on_a_server_is_shown_while_work_goes_on():
    shown = Console(file=io.StringIO(), width=120)
    log = logging.getLogger("steerstack.trace.remote.job")
    with progress_bars.bars(console=shown):
        log.info("%s: %s", "http://gpu", "queued [position 2]")
    log.info("nobody waits any more")
    assert "http://gpu: queued [position 2]" in shown.file.getvalue()
    assert "nobody" not in shown.file.getvalue()
