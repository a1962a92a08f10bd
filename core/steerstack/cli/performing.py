"""Carry out a declared study, and bring its result to people and files."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from steerstack import catalog, digest
from steerstack.applying import apply
from steerstack.cli import console
from steerstack.cli.studying import Options, finish
from steerstack.cli.studying import perform as perform_stack
from steerstack.data import DataSet
from steerstack.extraction import extract
from steerstack.home import home
from steerstack.splits import split
from steerstack.study.declared import (
    Declared,
    EfficiencyFile,
    GeneralizeFile,
    StackFile,
    SweepFile,
    named,
)
from steerstack.study.forecast import Forecast, fit_seconds, forecast_arms, forecast_fits, timed
from steerstack.study.select import candidate_layers
from steerstack.study.subsets import subset
from steerstack.study.techniques import Conditioning
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
    return console.items(declared.data, behavior=declared.behavior, matching=declared.matching)


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
    if outputs.plan_only:
        _plan_stack(declared, data, outputs)
        return
    options = Options(
        declared.model, declared.revision, declared.dtype, declared.device, method.name, method.parameters,
        tuple(named(tune).name for tune in declared.finetunes), outputs.fresh,
    )  # fmt: skip
    result, folder = perform_stack(study, data, options)
    finish(
        result, folder, report=outputs.report, record=outputs.record, tracking_uri=outputs.tracking_uri,
        json=outputs.json,
    )  # fmt: skip


def _plan_stack(declared: StackFile, data: DataSet, outputs: Outputs) -> None:
    """What a stacking study will take: its arms from a pilot, its fine-tunes from one short fit each."""
    model = _open(declared)
    splits = split(data.limit(declared.limit), seed=declared.seed)
    method = catalog.extractor(named(declared.method).name).make(named(declared.method).parameters)
    seconds, vector = timed(lambda: extract(model, splits.validation, method, position=declared.position))
    layers = declared.layers or candidate_layers(model.n_layers)
    prompts, tunes = 1 + bool(data.prompts.positive) + bool(data.prompts.negative), len(declared.finetunes)
    tried = len(data.prompts.positive) + len(data.prompts.negative)
    steps = [
        ("choice on validation", len(splits.validation), 2 * len(layers) * len(declared.shares)),
        ("choice of prompts", len(splits.validation) * tried, 0),
        ("nulls", len(splits.test), 2 * declared.nulls),
        ("test arms", len(splits.test) * prompts, 2 + 4 * tunes),
    ]
    plan = apply(vector, layers[0], 1.0)
    forecast = forecast_arms(model, splits.validation, declared.score, steps, plan, fits=tunes)
    parts = {**forecast.by_part, "extraction": seconds * len(splits.train) / len(splits.validation) * (1 + tunes)}
    for tune in declared.finetunes:
        fitted = Conditioning(catalog.baseline(named(tune).name).make(named(tune).parameters))
        pilots = [subset(splits, n, seed=0) for n in (8, 16)]
        parts[fitted.name] = fit_seconds(fitted, model, pilots, declared.score)[0](len(splits.train))
    _show_forecast(replace(forecast, by_part=parts, seconds=sum(parts.values())), outputs)


def _sweep(declared: SweepFile, outputs: Outputs) -> None:
    from steerstack.cli.sweep import show
    from steerstack.recording import load_vector
    from steerstack.study.sweep import Sweep, run_sweep

    data = _data(declared).limit(declared.limit)
    model = _open(declared)
    method, edit = named(declared.method), named(declared.edit) if declared.edit else None
    folder = _folder(declared, model, data, fresh=outputs.fresh)
    with console.bars() as bars:
        if declared.vector:
            vector = load_vector(declared.vector)
            model.check_vector(vector, transfer=declared.transfer)
        else:
            bars.step("extraction")
            extractor = catalog.extractor(method.name).make(method.parameters)
            vector = extract(model, data, extractor, position=declared.position)
        chosen = catalog.edit(edit.name).make(edit.parameters) if edit else None
        if outputs.plan_only:
            plan = apply(vector, declared.layers[0], max(declared.scales), edit=chosen)
            arms = len(declared.layers) * len(declared.scales)
            steps = [("every arm", len(data), arms)]
            _show_forecast(forecast_arms(model, data, declared.score, steps, plan), outputs)
            return
        study = Sweep(declared.layers, declared.scales, declared.score, declared.tokens, chosen)
        value = run_sweep(
            study, model, data, vector, folder=folder, advance=bars.advance, announce=bars.announce
        ).to_json()
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
    if outputs.plan_only:
        splits = split(data.limit(study.limit), seed=study.seed)
        repeats = study.seeds * len(study.noise)
        _show_forecast(forecast_fits(model, splits, techniques, study.sizes, repeats, study.score), outputs)
        return
    folder = _folder(declared, model, data, fresh=outputs.fresh)
    with console.bars() as bars:
        total = len(techniques) * len(study.noise) * len(study.sizes) * study.seeds
        count = bars.of("fits", total)
        result = run_efficiency(
            study, model, data, techniques, folder=folder, on_step=bars.step, advance=lambda _what, done: count(done)
        )
    _finish(result, declared, folder, outputs)


def _generalize(declared: GeneralizeFile, outputs: Outputs) -> None:
    from steerstack.study.generalization import Generalization, run_generalization

    data = _data(declared).limit(declared.limit)
    model = _open(declared)
    techniques = declared.made()
    shift, domains = _domains(declared, model, data)
    source, target = domains
    study = Generalization(data.behavior, declared.score, source, target, shift, declared.seed)
    if outputs.plan_only:
        splits = split(domains[target], seed=study.seed)
        size = len(splits.train) + len(splits.validation)
        _show_forecast(forecast_fits(model, splits, techniques, [size], 2, study.score, test_sets=2), outputs)
        return
    folder = _folder(declared, model, data, fresh=outputs.fresh)
    with console.bars() as bars:
        count = bars.of("fits", 2 * len(techniques))
        result = run_generalization(
            study, model, domains, techniques, folder=folder, on_step=bars.step,
            advance=lambda _what, done: count(done),
        )  # fmt: skip
    _finish(result, declared, folder, outputs)


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


def _show_forecast(forecast: Forecast, outputs: Outputs) -> None:
    console.write_result(forecast.to_json(), outputs.json)
    if outputs.json != "-":
        console.out.print(forecast.text(), highlight=False)


def _finish(result: Any, declared: Any, folder: Path, outputs: Outputs) -> None:
    """Write the page, the frame and the JSON; record; print the verdict. Nothing measured is lost on the way."""
    from steerstack.errors import RegistryError
    from steerstack.recording import record_study
    from steerstack.report.study_page import write_frame, write_page
    from steerstack.report.study_pages import page_of

    value = result.to_json()
    path = Path(outputs.report) if outputs.report else folder / "report.html"
    papers = {technique.name: technique.paper for technique in result.techniques}
    pictures = write_page(page_of(value, declared.model_dump(mode="json"), papers), path)
    frames = write_frame(result.frame(), folder)
    value["report"], value["frame"], value["mlflow"] = str(path), str(frames[0]), None
    failure: RegistryError | None = None
    if outputs.record:
        try:
            value["mlflow"] = record_study(result, value, [path, *pictures, *frames], tracking_uri=outputs.tracking_uri)
        except RegistryError as error:
            failure = error
    console.write_result(value, outputs.json)
    if outputs.json != "-":
        console.out.print(value["verdict"], highlight=False)
        console.out.print(f"report: {path}", highlight=False, soft_wrap=True)
    if failure is not None:
        raise failure
