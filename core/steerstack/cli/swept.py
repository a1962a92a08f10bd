"""Carry out a declared sweep."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from steerstack import catalog
from steerstack.applying import apply
from steerstack.cli import console
from steerstack.cli.finishing import Outputs, data_of, finish, folder_of, made, open_for, show_forecast
from steerstack.cli.spreading import crew_for
from steerstack.contracts import Extractor
from steerstack.data import DataSet
from steerstack.extraction import extract
from steerstack.plugins import plugins
from steerstack.report.page import interval
from steerstack.splits import split
from steerstack.study.declared import SweepFile
from steerstack.study.forecast import forecast_arms
from steerstack.study.nulls import null_vectors
from steerstack.study.sweep import Sweep, run_sweep
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector


def perform_sweep(declared: SweepFile, outputs: Outputs) -> None:
    """Run a sweep, or say what it will take."""
    from steerstack.recording import load_vector

    given = load_vector(declared.vector) if declared.vector else None
    train: DataSet | None = None
    data = data_of(declared).limit(declared.limit)
    model = open_for(declared)
    with console.bars() as bars:
        if given is not None:
            model.check_vector(given, transfer=declared.transfer)
            vector = given
        else:
            bars.step("extraction")
            splits = split(data, seed=declared.seed)
            data, train = data.take((*splits.validation.items, *splits.test.items)), splits.train
            vector = extract(model, train, made(catalog.extractor, declared.method), position=declared.position)
        for layer in declared.layers:
            model.check_site(vector.site(layer))
        edit = made(catalog.edit, declared.edit) if declared.edit else None
        study = Sweep(declared.layers, declared.scales, declared.score, declared.tokens, edit)
        if outputs.plan_only:
            plan = apply(vector, declared.layers[0], study.strongest, edit=edit)
            arms = len(study.arms) + 3 * declared.nulls * len(study.layers)
            show_forecast(forecast_arms(model, data, declared.score, [("every arm", len(data), arms)], plan), outputs)
            return
        bars.step("nulls")
        nulls = _nulls(declared, model, data, vector)
        folder = folder_of(declared, model, data, fresh=outputs.fresh)
        with crew_for(declared, model, outputs.engine, outputs.workers) as crew:
            result = run_sweep(
                study, model, data, vector, folder=folder, crew=crew, nulls=nulls, advance=bars.advance,
                announce=bars.announce,
            )  # fmt: skip
    finish(replace(result, train=train), declared, folder, outputs, _show)


def _nulls(declared: SweepFile, model: Model, data: DataSet, vector: SteeringVector) -> dict[str, SteeringVector]:
    """Random vectors; and, where the vector's method is at hand, those of shuffled labels and of other behaviours."""
    kept, position = vector.keeping(declared.layers), vector.origin.position
    return null_vectors(
        model, data, kept, _method(vector), position=None if position == "unknown" else position,
        count=declared.nulls, others=catalog.other_behaviors(data.behavior, declared.nulls), seed=declared.seed,
    )  # fmt: skip


def _method(vector: SteeringVector) -> Extractor | None:
    """The method by which a vector was found, with its parameters, if it is installed."""
    made_by = plugins().extractors().get(vector.origin.method)
    return made_by.make(vector.origin.parameters) if made_by else None


def _show(result: dict[str, Any]) -> None:
    """Print a sweep as a table."""
    from rich.table import Table

    columns: Sequence[str] = ("layer", "scale", "log-odds", "effect and 95 % interval", "p (Holm)", "KL per token")
    table = Table(*columns, title=f"{result['behavior']}, n = {result['n']}")
    for arm in result["arms"]:
        table.add_row(
            str(arm["layer"]), f"{arm['scale']:g}", f"{arm['estimate']['value']:+.3f}", interval(arm["effect"]),
            f"{arm['p_holm']:.2g}", f"{arm['kl']:.3f}",
        )  # fmt: skip
    console.out.print(table)
    for null in result["nulls"]:
        console.out.print(f"null, {null['null']}, layer {null['layer']}: {interval(null['effect'])}", highlight=False)
    console.note(result["caution"])
