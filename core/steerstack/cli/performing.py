"""Carry out a declared study, and bring its result to people and files."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steerstack import catalog, digest
from steerstack.cli import console
from steerstack.cli.studying import Options, finish
from steerstack.cli.studying import perform as perform_stack
from steerstack.data import DataSet
from steerstack.home import home
from steerstack.study.declared import (
    Declared,
    EfficiencyFile,
    GeneralizeFile,
    StackFile,
    SweepFile,
    named,
)
from steerstack.trace.model import Model
from steerstack.trace.open import open_model


@dataclass(frozen=True)
class Outputs:
    """What is wanted of a study besides its numbers."""

    plan_only: bool = False
    fresh: bool = False
    report: str | None = None
    record: bool = True
    tracking_uri: str | None = None
    json: str | None = None


def perform(declared: Any, outputs: Outputs) -> None:
    """Run a declared study of any kind."""
    kinds: dict[type, Callable[[Any, Outputs], None]] = {
        SweepFile: _sweep,
        StackFile: _stack,
        EfficiencyFile: _efficiency,
        GeneralizeFile: _generalize,
    }
    kinds[type(declared)](declared, outputs)


def _data(declared: Declared) -> DataSet:
    items = catalog.load_data(declared.data, behavior=declared.behavior, matching=declared.matching)
    for remark in items.notes:
        console.note(remark)
    return items


def _open(declared: Declared) -> Model:
    return open_model(declared.model, revision=declared.revision, dtype=declared.dtype, device=declared.device)


def _folder(declared: Any, model: Model, data: DataSet, *, fresh: bool) -> Path:
    """The study's own folder: the same declaration, model and data go on where they stopped."""
    name = digest.of_json([declared.model_dump(mode="json"), model.fingerprint, data.digest])
    folder = home() / "studies" / f"{declared.study}-{data.behavior}-{name[:12]}"
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    return folder


def _stack(declared: StackFile, outputs: Outputs) -> None:
    from steerstack.study.stacking import Stacking

    data = _data(declared)
    method = named(declared.method)
    study = Stacking(
        data.behavior, declared.score, declared.position, declared.tokens, declared.layers, declared.shares,
        declared.nulls, declared.seed, declared.limit,
    )  # fmt: skip
    options = Options(
        declared.model, declared.revision, declared.dtype, declared.device, method.name, method.parameters,
        tuple(named(tune).name for tune in declared.finetunes), outputs.fresh,
    )  # fmt: skip
    result, folder = perform_stack(study, data, options)
    finish(
        result, folder, report=outputs.report, record=outputs.record, tracking_uri=outputs.tracking_uri,
        json=outputs.json,
    )  # fmt: skip


def _sweep(declared: SweepFile, outputs: Outputs) -> None:
    from steerstack.cli.sweep import show
    from steerstack.extraction import extract
    from steerstack.study.sweep import Sweep, run_sweep
    from steerstack.vector import SteeringVector

    data = _data(declared).limit(declared.limit)
    model = _open(declared)
    method, edit = named(declared.method), named(declared.edit) if declared.edit else None
    folder = _folder(declared, model, data, fresh=outputs.fresh)
    with console.bars() as bars:
        if declared.vector:
            vector = SteeringVector.load(declared.vector)
            model.check_vector(vector, transfer=declared.transfer)
        else:
            bars.step("extraction")
            extractor = catalog.extractor(method.name).make(method.parameters)
            vector = extract(model, data, extractor, position=declared.position)
        chosen = catalog.edit(edit.name).make(edit.parameters) if edit else None
        study = Sweep(declared.layers, declared.scales, declared.score, declared.tokens, chosen)
        value = run_sweep(study, model, data, vector, folder=folder, advance=bars.advance).to_json()
    console.write_result(value, outputs.json)
    if outputs.json != "-":
        show(value)


def _efficiency(declared: EfficiencyFile, outputs: Outputs) -> None:
    from steerstack.study.efficiency import Efficiency, run_efficiency

    data = _data(declared)
    model = _open(declared)
    techniques = declared.made()
    study = Efficiency(
        data.behavior, declared.score, declared.sizes, declared.seeds, declared.noise, declared.seed, declared.limit
    )
    folder = _folder(declared, model, data, fresh=outputs.fresh)
    with console.bars() as bars:
        total = len(techniques) * len(study.noise) * len(study.sizes) * study.seeds
        count = bars.of("fits", total)
        result = run_efficiency(
            study, model, data, techniques, folder=folder, on_step=bars.step, advance=lambda _what, done: count(done)
        )
    _finish(result, folder, outputs)


def _generalize(declared: GeneralizeFile, outputs: Outputs) -> None:
    from steerstack.study.generalization import Generalization, run_generalization

    data = _data(declared).limit(declared.limit)
    model = _open(declared)
    techniques = declared.made()
    shift, domains = _domains(declared, model, data)
    source, target = domains
    study = Generalization(data.behavior, declared.score, source, target, shift, declared.seed)
    folder = _folder(declared, model, data, fresh=outputs.fresh)
    with console.bars() as bars:
        count = bars.of("fits", 2 * len(techniques))
        result = run_generalization(
            study, model, domains, techniques, folder=folder, on_step=bars.step,
            advance=lambda _what, done: count(done),
        )  # fmt: skip
    _finish(result, folder, outputs)


def _domains(declared: GeneralizeFile, model: Model, data: DataSet) -> tuple[str, dict[str, DataSet]]:
    from steerstack.study import domains

    shift = declared.shift
    if shift.topic:
        return f"topics {', '.join(shift.topic)}", domains.by_topic(data, shift.topic)
    if shift.system:
        return f"system prompt {shift.system!r}", domains.by_system(data, shift.system)
    if shift.data:
        other = catalog.load_data(shift.data, behavior=declared.behavior, matching=declared.matching)
        return f"data set {shift.data}", {"source": data, "target": other.limit(declared.limit)}
    return "margin of the unsteered model", domains.by_margin(model, data, declared.score)


def _finish(result: Any, folder: Path, outputs: Outputs) -> None:
    value = result.to_json()
    console.write_result(value, outputs.json)
    if outputs.json != "-":
        console.out.print(value["verdict"], highlight=False)
