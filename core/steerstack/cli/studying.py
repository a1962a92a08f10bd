"""Run a stacking study from the command line, and bring its result to people and files."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steerstack.cli import console
from steerstack.report.page import interval

if TYPE_CHECKING:
    from steerstack.data import DataSet
    from steerstack.study.stacking import Stacking, StackResult


@dataclass(frozen=True)
class Options:
    """Which model, method and baselines, and whether to start anew."""

    model: str
    revision: str | None
    dtype: str | None
    device: str | None
    method: str
    settings: dict[str, Any]
    finetunes: tuple[str, ...]
    fresh: bool


def perform(study: "Stacking", data: "DataSet", options: Options) -> "tuple[StackResult, Path]":
    """Open the model and run the study in its own folder."""
    from steerstack import catalog, digest
    from steerstack.home import home
    from steerstack.study.stack import run_stack
    from steerstack.trace.open import open_model

    method = catalog.extractor(options.method).make(options.settings)
    baselines = [catalog.baseline(name).make() for name in options.finetunes]
    for remark in data.notes:
        console.note(remark)
    with console.bars() as bars:
        bars.step(f"opening {options.model}")
        model = open_model(options.model, revision=options.revision, dtype=options.dtype, device=options.device)
        inputs = [study.digest, model.fingerprint, data.digest, options.method, method.parameters(), options.finetunes]
        folder = home() / "studies" / f"stack-{study.behavior}-{digest.of_json(inputs)[:12]}"
        if options.fresh:
            shutil.rmtree(folder, ignore_errors=True)
        elif folder.exists():
            bars.step(f"going on with {folder}")
        result = run_stack(
            study,
            model,
            data,
            method,
            baselines,
            folder=folder,
            advance=bars.advance,
            announce=bars.announce,
            on_step=bars.step,
        )
    return result, folder


def finish(
    result: "StackResult",
    folder: Path,
    *,
    report: str | None,
    record: bool,
    tracking_uri: str | None,
    json: str | None,
) -> None:
    """Write the report and the JSON, record, and print the verdict."""
    from steerstack.errors import RegistryError
    from steerstack.recording import record_stack
    from steerstack.report.html import write_report
    from steerstack.report.study_page import write_frame

    value = result.to_json()
    path = Path(report) if report else folder / "report.html"
    figures = [*write_report(value, path), *write_frame(result.frame(), folder)]
    value["report"] = str(path)
    failure: RegistryError | None = None
    value["mlflow"] = None
    if record:
        try:
            value["mlflow"] = record_stack(result, value, [path, *figures], tracking_uri=tracking_uri)
        except RegistryError as error:
            failure = error
    console.write_result(value, json)
    if json != "-":
        _show(value)
    if failure is not None:
        raise failure


def _show(value: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(
        "fine-tune", "vector from", "prompt", "vector", "log-odds", "effect and 95 % interval",
        title=f"{value['behavior']} on {value['model']}: test split, n = {value['n']['test']}",
    )  # fmt: skip
    for arm in value["arms"]:
        effect = arm["effect"]
        table.add_row(
            arm["finetune"],
            arm["vector_origin"],
            arm["prompt"],
            arm["vector"],
            f"{arm['estimate']['value']:+.3f}",
            interval(effect),
        )
    console.out.print(table)
    for null in value["nulls"]:
        effect = null["effect"]
        console.out.print(
            f"null, {null['null']}: {interval(effect)}",
            highlight=False,
        )
    console.out.print(f"\n{value['verdict']}", highlight=False)
    console.out.print(f"report: {value['report']}", highlight=False)
    if value["warning"]:
        console.note(value["warning"])
