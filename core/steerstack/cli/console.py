"""What commands share: printing, quiet libraries, the data that options name."""

import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steerstack.catalog.data import load_data
from steerstack.cli.terminal import Terminal
from steerstack.util.files import write_json

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


def items(data: str, *, behavior: str | None, matching: str | None, limit: int | None = None) -> "DataSet":
    """The data set that the options name; what its reader should know is printed."""
    dataset = load_data(data, behavior=behavior, matching=matching).limit(limit)
    for remark in dataset.notes:
        note(remark)
    return dataset
