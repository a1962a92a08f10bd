"""Where a study's result goes: its page, its frame, its JSON, the registry, the screen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steerstack.cli import console, progress_bars
from steerstack.errors import RegistryError
from steerstack.report.samples import samples_tables
from steerstack.util.files import check_room, check_target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from steerstack.report.page import Table
    from steerstack.study.result import Result
    from steerstack.study.study import Study


@dataclass(frozen=True)
class Outputs:
    """What is wanted of a study besides its numbers, and where it runs: none of it decides a number."""

    plan_only: bool = False
    fresh: bool = False
    engine: str = "local"
    workers: int | None = None
    gpus_per_worker: int | None = None
    report: str | None = None
    figures: str | None = None
    record: bool = True
    tracking_uri: str | None = None
    json: str | None = None

    @property
    def files(self) -> list[Path]:
        """The files that are asked for by name."""
        return [Path(name) for name in (self.report, self.json) if name and name != "-"]


def perform(study: Study, outputs: Outputs) -> None:
    """Run a study of any kind, or say what it will take; write, record and print what came out."""
    from steerstack.catalog.recorder import check_places
    from steerstack.study.session import open_session

    if outputs.plan_only:
        forecast = study.plan_only()
        console.write_result(forecast.to_json(), outputs.json)
        if outputs.json != "-":
            console.out.print(forecast.text(), highlight=False)
        return
    for target in outputs.files:
        check_target(target)
    if outputs.figures:
        check_room(Path(outputs.figures))
    if away := check_places(record=outputs.record, tracking_uri=outputs.tracking_uri):
        console.note(away)
    with (
        progress_bars.bars() as progress,
        open_session(
            study, None, None, folder=None, fresh=outputs.fresh, engine=outputs.engine, workers=outputs.workers,
            gpus_per_worker=outputs.gpus_per_worker, progress=progress,
        ) as session,
    ):  # fmt: skip
        result = study.perform(session)
    _finish(result, session.folder, outputs)


def _finish(result: Result, folder: Path, outputs: Outputs) -> None:
    """Write the page, the frame and the JSON; record; print the verdict. Nothing measured is lost on the way."""
    files = result.save(folder, report=outputs.report)
    if outputs.figures:
        result.save_figures(outputs.figures)
    value = {**result.value, "report": str(files.report), "frame": str(files.frame)}

    def keep() -> dict[str, Any] | None:
        if not outputs.record:
            return None
        return asdict(result.record(tracking_uri=outputs.tracking_uri, files=files.to_record))

    failure = kept(value, keep)
    console.write_result(value, outputs.json)
    if outputs.json != "-":
        show(result.summary())
        console.out.print(result.verdict, highlight=False)
        for table in samples_tables(result.samples):
            show(table)
        console.out.print(f"report: {files.report}", highlight=False, soft_wrap=True)
        if outputs.figures:
            console.out.print(f"figures: {outputs.figures}", highlight=False, soft_wrap=True)
        for warning in result.warnings:
            console.note(warning)
    say_kept(value, outputs.json, failure)


def show(table: Table) -> None:
    """Print a table of a page, and the note below it."""
    from rich import table as rich_table
    from rich.text import Text

    grid = rich_table.Table(*table.columns, title=Text(table.title))
    for row in table.rows:
        grid.add_row(*map(Text, row))
    console.out.print(grid)
    if table.note:
        console.out.print(Text(table.note))


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
