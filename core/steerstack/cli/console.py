"""What commands share: printing, progress, quiet libraries."""

import contextlib
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from steerstack.files import write_json

if TYPE_CHECKING:
    from steerstack.data import DataSet

console = Console(stderr=True)
"""People read this; standard output is for results."""

out = Console(soft_wrap=True)


def complain(message: str) -> None:
    """Print an error to standard error."""
    first, *rest = message.splitlines()
    console.print(f"[bold red]error:[/] {_plain(first)}", highlight=False, soft_wrap=True)
    for line in rest:
        console.print(_plain(line), highlight=False, soft_wrap=True)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def note(message: str) -> None:
    """Print a remark to standard error."""
    console.print(f"[yellow]note:[/] {_plain(message)}", highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a JSON value to standard output."""
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_result(value: Any, path: str | None) -> None:
    """Write a result to a file, or to standard output for ``-``."""
    if path == "-":
        print_json(value)
    elif path:
        write_json(Path(path), value)
        console.print(f"written to {path}", highlight=False)


def quiet() -> None:
    """Keep libraries from printing over our own output."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.simplefilter("ignore")
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    for name in ("mlflow", "alembic", "nnsight", "peft"):
        logging.getLogger(name).setLevel(logging.ERROR)


class Bars:
    """Progress bars with rate and time left, one for each kind of work.

    Parameters
    ----------
    progress:
        Where they are shown.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self._tasks: dict[str, Any] = {}

    def step(self, what: str) -> None:
        """Say what is being done."""
        self.progress.console.print(f"[dim]·[/] {what}", highlight=False)

    def announce(self, what: str, total: int, done: int = 0) -> None:
        """Say how much work there is, and how much of it was done earlier; more of the same kind adds up."""
        shown = self._tasks.get(what)
        before = next((task for task in self.progress.tasks if task.id == shown), None)
        if before is not None:
            total, done = total + int(before.total or 0), done + int(before.completed)
            self.progress.remove_task(before.id)
        self._only(what, total, done)

    def advance(self, what: str, done: int) -> None:
        """Count work done; its total is not known unless it was announced."""
        self.of(what, None)(done)

    def of(self, what: str, total: int | None) -> Callable[[int], None]:
        """A counter for one kind of work."""
        if what not in self._tasks:
            self._only(what, total, 0)
        return lambda done: self.progress.update(self._tasks[what], advance=done)

    def _only(self, what: str, total: int | None, done: int) -> None:
        """Show one bar; what was done earlier does not count into its rate."""
        for task in self.progress.tasks:
            self.progress.update(task.id, visible=False)
        self._tasks[what] = self.progress.add_task(what, total=total, completed=done)


class _Rate(TextColumn):
    """Work done per second, or per minute where it is slow."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Any) -> Any:
        """The rate of a task."""
        from rich.text import Text

        speed = task.finished_speed or task.speed
        shown = "" if not speed else f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.1f}/min"
        return Text(shown, style="dim")


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
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    # a batch may take half a minute: the rate is over five
    usual = {"console": console, "transient": True, "speed_estimate_period": 300}
    with Progress(*columns, **{**usual, **options}) as progress:
        found = Bars(progress)
        with _told_by("steerstack.trace", found.step):
            yield found


class _Teller(logging.Handler):
    """Hands messages on."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one on."""
        self._tell(_plain(record.getMessage()))


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


def numbers(text: str, kind: Callable[[str], Any], what: str) -> tuple[Any, ...]:
    """Read ``5,9,13`` as typed on a command line.

    Raises
    ------
    SteerstackError
        A part is not a number.
    """
    from steerstack.errors import SteerstackError

    try:
        return tuple(kind(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SteerstackError(
            f"{text!r} is not a list of {what}.", seen=str(error), fix="Write numbers with commas, such as 5,9,13."
        ) from error


def items(data: str, *, behavior: str | None, matching: str | None, limit: int | None = None) -> "DataSet":
    """The data set that the options name; what its reader should know is printed."""
    from steerstack import catalog

    found = catalog.load_data(data, behavior=behavior, matching=matching).limit(limit)
    for remark in found.notes:
        note(remark)
    return found


def settings(assignments: list[str]) -> dict[str, Any]:
    """Read ``["rank=4", "layers=[1,2]"]``; values that look like JSON lists or objects are read as such.

    Raises
    ------
    ParameterError
        One is not of the form NAME=VALUE.
    """
    import json

    from steerstack.errors import ParameterError

    found: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not (name and equals):
            raise ParameterError(f"{assignment!r} sets nothing.", fix="Write --set NAME=VALUE.")
        try:
            found[name.strip().replace("-", "_")] = json.loads(value) if value[:1] in "[{" and value else value
        except json.JSONDecodeError as error:
            raise ParameterError(f"The value of {name!r} is not JSON.", seen=f"{value!r}: {error}") from error
    return found


MODEL = typer.Option("smollm2", help="Folder, Hugging Face id, or 'smollm2' for the embedded model.")
DTYPE = typer.Option(None, help="float32, bfloat16, ...; that of the weights by default.")
DEVICE = typer.Option(None, help="cpu, cuda, auto.")
REVISION = typer.Option(None, help="Revision on the Hugging Face hub.")
REMOTE = typer.Option(None, help="Server that holds the weights: http://HOST:PORT, or 'ndif'; its key in NDIF_API_KEY.")
DATA = typer.Option(..., help="Data file, or the name of a shipped behaviour.")
BEHAVIOR = typer.Option(None, help="Name of the behaviour, where the file does not say.")
MATCHING = typer.Option(None, help="'exhibits' or 'declines': what the file's matching answer does, where unknown.")
LIMIT = typer.Option(None, help="Use only the first N items.")
TOKENS = typer.Option("response", help="all, prompt, response, last, or positions such as 0,5,-1.")
REPORT = typer.Option(None, help="Where to write the HTML report.")
PLAN_ONLY = typer.Option(False, help="Say what would be run, how long it takes and what it can resolve; run nothing.")
JSON = typer.Option(None, "--json", help="Write the result as JSON; - prints it.")
PRINT_JSON = typer.Option(False, "--json", help="Print JSON.")
FRESH = typer.Option(False, help="Start anew rather than go on with an earlier run.")
RECORD = typer.Option(True, help="Keep the result in the registry.")
ENGINE = typer.Option("local", help="Where steps run: local, processes, ray, ray://HOST:PORT, or a plugin's.")
WORKERS = typer.Option(
    None, min=1, help="Worker processes, each with the model; as the cores or GPUs allow by default."
)
TRACKING = typer.Option(None, help="MLflow tracking URI; a local SQLite store by default.")
SET = typer.Option([], "--set", help="Parameter of the method, NAME=VALUE; may be given again.")
EDIT = typer.Option(None, help="How the vector acts: add, ablate, ...; by default as its method asks for.")
EDIT_SET = typer.Option([], "--edit-set", help="Parameter of the edit, NAME=VALUE; may be given again.")
