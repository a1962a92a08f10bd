"""Where a study's result goes: its page, its frame, its JSON, the registry, the screen."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from steerstack import digest
from steerstack.cli import console
from steerstack.contracts import Method
from steerstack.data import DataSet
from steerstack.errors import RegistryError
from steerstack.home import home
from steerstack.study.declared import Declared
from steerstack.study.forecast import Forecast
from steerstack.study.named import Named, named
from steerstack.trace.model import Model
from steerstack.trace.open import open_model

M = TypeVar("M", bound=Method)


@dataclass(frozen=True)
class Outputs:
    """What is wanted of a study besides its numbers, and where it runs: none of it decides a number."""

    plan_only: bool = False
    fresh: bool = False
    report: str | None = None
    record: bool = True
    tracking_uri: str | None = None
    json: str | None = None
    engine: str = "local"
    workers: int | None = None


def data_of(declared: Declared) -> DataSet:
    """The items that a study names."""
    return console.items(declared.data, behavior=declared.behavior, matching=declared.matching)


def open_for(declared: Declared) -> Model:
    """The model that a study names."""
    return open_model(
        declared.model, revision=declared.revision, dtype=declared.dtype, device=declared.device, remote=declared.remote
    )


def made(find: Callable[[str], type[M]], method: str | Named) -> M:
    """A method by name, with its parameters."""
    return find(named(method).name).make(named(method).parameters)


def folder_of(declared: Any, model: Model, data: DataSet, *, fresh: bool) -> Path:
    """The study's own folder: the same declaration, model and data go on where they stopped, on any server."""
    name = digest.of_json([declared.model_dump(mode="json", exclude={"remote"}), model.fingerprint, data.digest])
    folder = home() / "studies" / f"{declared.study}-{data.behavior}-{name[:12]}"
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    return folder


def show_forecast(forecast: Forecast, outputs: Outputs) -> None:
    """Print what a study will take."""
    console.write_result(forecast.to_json(), outputs.json)
    if outputs.json != "-":
        console.out.print(forecast.text(), highlight=False)


def finish(
    result: Any,
    declared: Declared,
    folder: Path,
    outputs: Outputs,
    show: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Write the page, the frame and the JSON; record; print the verdict. Nothing measured is lost on the way.

    Parameters
    ----------
    result, declared, folder:
        What came out, of what, and where it is kept.
    show:
        Prints more than the verdict, before it.
    """
    from steerstack.recording import record_result
    from steerstack.report.pages import page_of
    from steerstack.report.study_page import write_frame, write_page

    value = result.to_json()
    path = Path(outputs.report) if outputs.report else folder / "report.html"
    pictures = write_page(page_of(value, declared.model_dump(mode="json", exclude_none=True)), path)
    frames = write_frame(result.frame(), folder)
    value["report"], value["frame"] = str(path), str(frames[0])
    files, uri = [path, *pictures, *frames], outputs.tracking_uri
    failure = kept(value, lambda: record_result(result, value, files, tracking_uri=uri) if outputs.record else None)
    console.write_result(value, outputs.json)
    if outputs.json != "-":
        if show:
            show(value)
        console.out.print(value["verdict"], highlight=False)
        console.out.print(f"report: {path}", highlight=False, soft_wrap=True)
        if value.get("warning"):
            console.note(value["warning"])
    say_kept(value, outputs.json, failure)


def kept(value: dict[str, Any], record: Callable[[], dict[str, Any] | None]) -> RegistryError | None:
    """Record, and note where under ``mlflow``; what went wrong is given back, to be raised once results are out."""
    value["mlflow"] = None
    try:
        value["mlflow"] = record()
    except RegistryError as error:
        return error
    return None


def say_kept(value: Mapping[str, Any], json: str | None, failure: RegistryError | None) -> None:
    """Say where the vector is registered; raise what went wrong when it was recorded."""
    if failure is not None:
        raise failure
    if json != "-" and value["mlflow"] and value["mlflow"]["model_uri"]:
        console.out.print(f"registered: {value['mlflow']['model_uri']}", highlight=False, soft_wrap=True)
