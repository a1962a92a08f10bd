"""What commands share: printing, progress, quiet libraries."""

import contextlib
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich import progress as rich_progress
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from steerstack.address import public_address
from steerstack.catalog.data import load_data
from steerstack.cli.terminal import Terminal
from steerstack.run.progress import Advance, Amount, Phase, Progress, ProgressEvent, Remark
from steerstack.util.files import write_json
from steerstack.util.guard import load_json
from steerstack.util.text import shown

if TYPE_CHECKING:
    from steerstack.data.items import DataSet

console = Terminal(stderr=True)
"""People read this; standard output is for results."""

out = Terminal(soft_wrap=True)


def complain(message: str) -> None:
    """Print an error to standard error."""
    first, *rest = message.splitlines()
    console.say(f" {first}", mark="error:", style="bold red")
    for line in rest:
        console.say(line)


def note(message: str) -> None:
    """Print a remark to standard error."""
    console.say(f" {message}", mark="note:", style="yellow")


def print_json(value: Any) -> None:
    """Print a JSON value to standard output."""
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def wrote(value: Any, path: str | None) -> bool:
    """Write a result where it is wanted; whether that was standard output, so that nothing else is to be printed."""
    write_result(value, path)
    return path == "-"


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
        found = Bars(progress)
        with _told_by("steerstack.trace", found.phase):
            yield found


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
    found = load_data(data, behavior=behavior, matching=matching).limit(limit)
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
    from steerstack.errors import ParameterError

    found: dict[str, Any] = {}
    for name, value in _assigned(assignments, fix="Write --set NAME=VALUE."):
        try:
            found[name.strip().replace("-", "_")] = load_json(value) if value[:1] in "[{" and value else value
        except ValueError as error:
            raise ParameterError(f"The value of {name!r} is not JSON.", seen=f"{value[:80]!r}: {error}") from error
    return found


def values(assignments: list[str]) -> dict[str, Any]:
    """Read ``["enable_thinking=false", "effort=low"]``; numbers, true, false, null, lists and objects are such.

    Raises
    ------
    ParameterError
        One is not of the form NAME=VALUE.
    """
    from steerstack.errors import ParameterError
    from steerstack.util.yaml_file import load_yaml

    found: dict[str, Any] = {}
    for name, value in _assigned(assignments, fix="Write NAME=VALUE."):
        if re.fullmatch("-?[0-9]{1,18}", value):
            found[name.strip()] = int(value)  # in YAML 010 is 8
        elif value[:1] in "[{" or value in ("true", "false", "null"):
            found[name.strip()] = load_yaml(value, f"The value of {name}", ParameterError).value
        else:
            found[name.strip()] = value
    return found


def _assigned(assignments: list[str], *, fix: str) -> Iterator[tuple[str, str]]:
    """Name and value of each NAME=VALUE, as they were typed; ``fix`` says how to write one."""
    from steerstack.errors import ParameterError

    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not (name and equals):
            raise ParameterError(f"{assignment!r} sets nothing.", fix=fix)
        yield name, value


MODEL = typer.Option("smollm2", help="Folder, Hugging Face id, or 'smollm2' for the embedded model.")
DTYPE = typer.Option(None, help="float32, bfloat16, ...; that of the weights by default.")
DEVICE = typer.Option(None, help="cpu, cuda, auto.")
REVISION = typer.Option(None, help="Revision on the Hugging Face hub.")
REMOTE = typer.Option(
    None, help="Server that holds the weights: http://HOST:PORT, or 'ndif'; its token in STEERSTACK_SERVE_TOKEN."
)


def _allow_plain_http(value: bool) -> None:
    if value:
        os.environ["STEERSTACK_PLAIN_HTTP"] = "1"


PLAIN_HTTP = typer.Option(
    False,
    "--plain-http",
    help="Let the token go to another machine over plain http, where anybody on the way can read it.",
    callback=_allow_plain_http,
    expose_value=False,
)
FORM = typer.Option(
    None,
    help="Answer form of letter and yes-no, the label as A at its end: '(A', 'A', ' A', 'Answer: A', or any other; "
    "chosen on validation items by default.",
)
REASONING = typer.Option(
    "closed", help="Where the template opens a reasoning block: answers after an empty one (closed), or generated."
)
TEMPLATE = typer.Option(
    [], "--template", help="Argument of the chat template, NAME=VALUE (enable_thinking=false); may be given again."
)
DATA = typer.Option(..., help="Data file, or the name of a shipped behaviour.")
BEHAVIOR = typer.Option(None, help="Name of the behaviour, where the file does not say.")
MATCHING = typer.Option(None, help="'exhibits' or 'declines': what the file's matching answer does, where unknown.")
LIMIT = typer.Option(None, help="Use only the first N items.")
TOKENS = typer.Option("response", help="all, prompt, response, think, answer, last, or positions such as 0,5,-1.")
REPORT = typer.Option(None, help="Where to write the HTML report.", rich_help_panel="Output")
PLAN_ONLY = typer.Option(
    False,
    "--plan-only",
    help="Say what would be run, how long it takes and what it can resolve; run nothing.",
    rich_help_panel="Run",
)
JSON = typer.Option(None, "--json", help="Write the result as JSON; - prints it.", rich_help_panel="Output")
FRESH = typer.Option(False, "--fresh", help="Start anew rather than go on with an earlier run.", rich_help_panel="Run")
RECORD = typer.Option(True, help="Keep the result in the registry.", rich_help_panel="Output")
ENGINE = typer.Option(
    "local", help="Where steps run: local, processes, ray, ray://HOST:PORT, or a plugin's.", rich_help_panel="Run"
)
WORKERS = typer.Option(
    None,
    min=1,
    help="Worker processes, each with the model; as the cores or GPUs allow by default.",
    rich_help_panel="Run",
)


def _no_secret(address: str | None) -> str | None:
    from steerstack.errors import ParameterError

    if address is not None and public_address(address) != address:
        raise ParameterError(
            "An argument holds no user, password or query: everybody on this machine can see it in the list of "
            "processes.",
            seen=f"--tracking-uri {public_address(address)}",
            fix="Set MLFLOW_TRACKING_URI to the whole address; or leave them out of it, and set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.",
        )
    return address


TRACKING = typer.Option(
    None,
    help="MLflow tracking URI, without a password; a local SQLite store by default.",
    rich_help_panel="Output",
    callback=_no_secret,
)
SET = typer.Option([], "--set", help="Parameter of the method, NAME=VALUE; may be given again.")
EDIT = typer.Option(None, help="How the vector acts: add, ablate, ...; by default as its method asks for.")
EDIT_SET = typer.Option([], "--edit-set", help="Parameter of the edit, NAME=VALUE; may be given again.")
