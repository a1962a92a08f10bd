"""Carry out a declared study of any kind."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from steerstack import catalog
from steerstack.cli import console
from steerstack.cli.finishing import Outputs, data_of, finish, folder_of, open_for, show_forecast
from steerstack.cli.spreading import LOCAL, crew_for
from steerstack.cli.stacked import perform_stack
from steerstack.cli.swept import perform_sweep
from steerstack.data import DataSet
from steerstack.errors import StudyError
from steerstack.recorders import check_places
from steerstack.splits import split
from steerstack.study.declared import (
    Declared,
    EfficiencyFile,
    FrontierFile,
    GeneralizeFile,
    StackFile,
    SweepFile,
    declare,
)
from steerstack.study.forecast import forecast_fits
from steerstack.trace.model import Model


def perform(declared: Any, outputs: Outputs) -> None:
    """Run a declared study of any kind."""
    if not outputs.plan_only:
        check_places(record=outputs.record, tracking_uri=outputs.tracking_uri)
    kinds: dict[type, Callable[[Any, Outputs], None]] = {
        SweepFile: perform_sweep,
        StackFile: perform_stack,
        EfficiencyFile: _efficiency,
        GeneralizeFile: _generalize,
        FrontierFile: _frontier,
    }
    kinds[type(declared)](declared, outputs)


def perform_options(study: str, given: Mapping[str, Any], **own: Any) -> None:
    """Run the study that a command's options declare.

    Parameters
    ----------
    study:
        Its kind.
    given:
        The options by name: what every study states and :class:`Outputs` are taken from them.
    own:
        Fields of this kind, or in place of a given one.
    """
    shared = {name: given[name] for name in Declared.model_fields if name in given}
    outputs = Outputs(**{field.name: given[field.name] for field in fields(Outputs) if field.name in given})
    perform(declare({"study": study, **shared, **own}), outputs)


def _efficiency(declared: EfficiencyFile, outputs: Outputs) -> None:
    from steerstack.study.efficiency import Efficiency, run_efficiency

    data = data_of(declared)
    model = open_for(declared)
    techniques = declared.made(data.behavior)
    study = Efficiency(
        data.behavior, declared.score, declared.sizes, declared.seeds, declared.noise, declared.seed, declared.limit
    )
    if outputs.plan_only:
        splits = split(data.limit(study.limit), seed=study.seed)
        repeats = study.seeds * len(study.noise)
        show_forecast(forecast_fits(model, splits, techniques, study.sizes, repeats, study.score), outputs)
        return
    folder = folder_of(declared, model, data, fresh=outputs.fresh)
    with console.bars() as bars, crew_for(declared, model, outputs.engine, outputs.workers) as crew:
        total = len(techniques) * len(study.noise) * len(study.sizes) * study.seeds
        count = bars.of("fits", total)
        result = run_efficiency(
            study, model, data, techniques, folder=folder, crew=crew, on_step=bars.step,
            advance=lambda _what, done: count(done),
        )  # fmt: skip
    finish(result, declared, folder, outputs)


def _generalize(declared: GeneralizeFile, outputs: Outputs) -> None:
    from steerstack.study.generalization import Generalization, run_generalization

    data = data_of(declared).limit(declared.limit)
    model = open_for(declared)
    techniques = declared.made(data.behavior)
    shift, domains = _domains(declared, model, data)
    source, target = domains
    study = Generalization(data.behavior, declared.score, source, target, shift, declared.seed)
    if outputs.plan_only:
        splits = split(domains[target], seed=study.seed)
        size = len(splits.train) + len(splits.validation)
        show_forecast(forecast_fits(model, splits, techniques, [size], 2, study.score, test_sets=2), outputs)
        return
    folder = folder_of(declared, model, data, fresh=outputs.fresh)
    with console.bars() as bars, crew_for(declared, model, outputs.engine, outputs.workers) as crew:
        count = bars.of("fits", 2 * len(techniques))
        result = run_generalization(
            study, model, domains, techniques, folder=folder, crew=crew, on_step=bars.step,
            advance=lambda _what, done: count(done),
        )  # fmt: skip
    finish(result, declared, folder, outputs)


def _frontier(declared: FrontierFile, outputs: Outputs) -> None:
    from steerstack.study.frontier import Frontier
    from steerstack.study.frontier_points import forecast_frontier, run_frontier

    if outputs.engine != LOCAL or outputs.workers is not None:
        raise StudyError(
            "A frontier runs in this process only: each of its strengths is sought from those before.",
            seen=f"--engine {outputs.engine}" + (f" --workers {outputs.workers}" if outputs.workers else ""),
            fix="Leave --engine and --workers out.",
        )
    data = data_of(declared)
    model = open_for(declared)
    techniques = declared.made(data.behavior)
    study = Frontier(data.behavior, declared.score, declared.budgets, declared.knowledge, declared.seed, declared.limit)
    if outputs.plan_only:
        show_forecast(forecast_frontier(study, model, data, techniques), outputs)
        return
    folder = folder_of(declared, model, data, fresh=outputs.fresh)
    with console.bars() as bars:
        count = bars.of("techniques", len(techniques))
        result = run_frontier(
            study, model, data, techniques, folder=folder, on_step=bars.step, advance=lambda _what, done: count(done)
        )
    finish(result, declared, folder, outputs)


def _domains(declared: GeneralizeFile, model: Model, data: DataSet) -> tuple[str, dict[str, DataSet]]:
    from steerstack.study import domains

    shift = declared.shift
    if shift.topic:
        return f"topics {', '.join(shift.topic)}", domains.by_topic(data, shift.topic)
    if shift.above is not None:
        return f"topics above {shift.above:g}", domains.by_number(data, shift.above)
    if shift.user:
        return f"words before the question {shift.user!r}", domains.by_user(data, shift.user)
    if shift.system:
        return f"system prompt {shift.system!r}", domains.by_system(data, shift.system)
    if shift.data:
        other = catalog.load_data(shift.data, behavior=declared.behavior, matching=declared.matching)
        return f"data set {shift.data}", {"source": data, "target": other.limit(declared.limit)}
    return "margin of the unsteered model", domains.by_margin(model, data, declared.score)
