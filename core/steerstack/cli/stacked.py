"""Carry out a declared stacking study."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from steerstack import catalog
from steerstack.cli import console
from steerstack.cli.finishing import Outputs, data_of, finish, folder_of, made, open_for, show_forecast
from steerstack.cli.spreading import crew_for
from steerstack.contracts import Baseline
from steerstack.data import DataSet
from steerstack.extraction import extract
from steerstack.report.page import interval
from steerstack.splits import split
from steerstack.study.declared import StackFile, Together
from steerstack.study.forecast_stack import forecast_stack
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector


def perform_stack(declared: StackFile, outputs: Outputs) -> None:
    """Run a stacking study, or say what it will take."""
    from steerstack.study.stack import run_stack

    data = data_of(declared)
    study = declared.stacking(data.behavior)
    method = made(catalog.extractor, declared.method)
    tunes = [made(catalog.baseline, tune) for tune in declared.finetunes]
    if outputs.plan_only:
        forecast = forecast_stack(
            study, open_for(declared), data, method, tunes, demonstrations=bool(declared.few_shot),
            together=len(declared.together), others=len(catalog.behaviors()) - 1,
        )  # fmt: skip
        show_forecast(forecast, outputs)
        return
    with console.bars() as bars:
        bars.step(f"opening {declared.model}")
        model = open_for(declared)
        folder = folder_of(declared, model, data, fresh=outputs.fresh)
        if folder.exists():
            bars.step(f"going on with {folder}")
        with crew_for(declared, model, outputs.engine, outputs.workers) as crew:
            result = run_stack(
                study, model, data, method, tunes, demonstrations=_demonstrations(declared),
                together=_together(declared, model, data),
                others=catalog.other_behaviors(data.behavior, declared.nulls),
                folder=folder, crew=crew, advance=bars.advance, announce=bars.announce, on_step=bars.step,
            )  # fmt: skip
    finish(result, declared, folder, outputs, _show)


def _demonstrations(declared: StackFile) -> Baseline | None:
    wanted = "few-shot" if declared.few_shot is True else declared.few_shot
    return made(catalog.baseline, wanted) if wanted else None


def _together(declared: StackFile, model: Model, data: DataSet) -> dict[str, SteeringVector]:
    """The other vectors of a stacking study; those that are found now come from its training items alone."""
    from steerstack.recording import load_vector

    found = {}
    for entry in declared.together:
        other = Together(name=Path(entry).stem, vector=entry) if isinstance(entry, str) else entry
        if other.vector:
            vector = load_vector(other.vector)
            model.check_vector(vector)
        else:
            items = catalog.load_data(other.data) if other.data else data.limit(declared.limit)
            train = split(items, seed=declared.seed).train
            vector = extract(model, train, made(catalog.extractor, other.method or declared.method),
                             position=declared.position)  # fmt: skip
        found[other.name] = replace(vector, edit=catalog.edit(other.edit).name) if other.edit else vector
    return found


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
