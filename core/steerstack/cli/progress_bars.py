"""Progress bars with rate and time left, and what loggers say meanwhile."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from rich import progress as rich_progress
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from steerstack.cli.console import console, note
from steerstack.run.progress import Advance, Amount, Phase, Progress, ProgressEvent, Remark
from steerstack.util.text import shown


class Bars(Progress):
    """Shows progress as bars with rate and time left, one for each kind of work.

    Parameters
    ----------
    shown:
        Where they are shown.
    """

    def __init__(self, shown: rich_progress.Progress) -> None:
        super().__init__(self._show)
        self.shown = shown
        self._tasks: dict[str, Any] = {}

    def of(self, what: str, total: int | None) -> Callable[[int], None]:
        """A counter for one kind of work; its total may not be known."""
        if what not in self._tasks:
            self._only(what, total, 0)
        return self.counter(what)

    def steps(self, what: str, total: int) -> Callable[[str], None]:
        """Takes the words of each step, of so many."""
        count = self.of(what, total)

        def step(words: str) -> None:
            self.phase(words)
            count(1)

        return step

    def _show(self, event: ProgressEvent) -> None:
        match event:
            case Phase(name):
                self.shown.console.print(Text.assemble(("·", "dim"), f" {shown(name)}"), highlight=False)
            case Remark(text):
                note(text)
            case Amount(what, total, done):
                self._announce(what, total, done)
            case Advance(what, more):
                if what not in self._tasks:
                    self._only(what, None, 0)
                self.shown.update(self._tasks[what], advance=more)

    def _announce(self, what: str, total: int, done: int) -> None:
        """Work of a kind: more of the same kind adds up."""
        task = self._tasks.get(what)
        before = next((one for one in self.shown.tasks if one.id == task), None)
        if before is not None:
            total, done = total + int(before.total or 0), done + int(before.completed)
            self.shown.remove_task(before.id)
        self._only(what, total, done)

    def _only(self, what: str, total: int | None, done: int) -> None:
        """Show one bar; what was done earlier does not count into its rate."""
        for task in self.shown.tasks:
            self.shown.update(task.id, visible=False)
        self._tasks[what] = self.shown.add_task(shown(what), total=total, completed=done)


class _Rate(TextColumn):
    """Work done per second, or per minute where it is slow."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Any) -> Any:
        """The rate of a task."""
        speed = task.finished_speed or task.speed
        rate = "" if not speed else f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.1f}/min"
        return Text(rate, style="dim")


@contextlib.contextmanager
def bars(**options: Any) -> Iterator[Bars]:
    """Show progress bars on standard error while work goes on.

    Parameters
    ----------
    options:
        Of rich's progress display, such as another ``console``.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    # a batch may take half a minute: the rate is over five
    usual = {"console": console, "transient": True, "speed_estimate_period": 300}
    with rich_progress.Progress(*columns, **{**usual, **options}) as progress:
        display = Bars(progress)
        with _told_by("steerstack.trace", display.phase):
            yield display


class _Teller(logging.Handler):
    """Hands messages on."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one on."""
        self._tell(record.getMessage())


@contextlib.contextmanager
def _told_by(name: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Show what a logger says of work elsewhere: the state of a job on a server, a server that is away."""
    logger, handler = logging.getLogger(name), _Teller(tell)
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before
