"""``steerstack evaluate``: score a data set, with or without a vector."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from steerstack.cli import assignments, console, options, progress_bars
from steerstack.cli.plan_options import VectorOptions


@options.spread
def evaluate(
    *,
    data: str | None = options.DATA_IF_ANY,
    source: options.DataOptions,
    model: options.AskedModelOptions,
    by: options.BackendOptions,
    metric: str | None = typer.Option(None, help="Metrics by name, with commas; 'all' for targets and side effects."),
    set_: list[str] = options.SET,
    side_effects: bool = typer.Option(
        True, help="Measure side effects, and the other targets, beside a target metric."
    ),
    score: str = typer.Option("text", help="letter, yes-no or text."),
    plan: Path | None = typer.Option(None, help="Plan file (YAML): several edits, written down."),
    vector: VectorOptions,
    scale: float = typer.Option(1.0, help="Strength: the multiplier of an addition, 1 for a whole ablation."),
    system: str | None = typer.Option(None, help="System prompt for every item."),
    record: bool = typer.Option(False, help="Keep the effect in the registry, with the vector that has it."),
    tracking_uri: str | None = options.TRACKING,
    dump: Path | None = options.DUMP,
    json: str | None = options.JSON,
) -> None:
    """Score a data set under a vector, beside the unsteered model on the same items."""
    console.quiet()
    from steerstack.catalog.recorder import check_places
    from steerstack.cli.commands.metrics import metrics_named, run_metrics, show_metrics
    from steerstack.cli.outputs import kept, say_kept
    from steerstack.data.questions import ask, check_mode
    from steerstack.errors import SteerstackError
    from steerstack.exchange.plan_file import load_plan
    from steerstack.measure.dump_tokens import dump_questions
    from steerstack.measure.evaluate import evaluate as run
    from steerstack.measure.form_choice import remark_on, settle_form
    from steerstack.measure.thought import ask_after_thought
    from steerstack.records.evaluation import check_recordable, record_evaluation, record_metrics

    if data is None and metric is None:
        raise SteerstackError("There is nothing to evaluate.", fix="Add --data FILE, or --metric NAME (or all).")
    _ = vector.edited  # what cannot be made is refused before the model is loaded
    metrics = metrics_named(metric, assignments.settings(set_), data, source.limit, side_effects=side_effects)
    mode = check_mode(score)
    items = None
    if data is not None and not metrics:
        items = source.items(data)
    opened = by.opened(model)
    if plan is not None and vector.vector is not None:
        raise SteerstackError("A plan file and a vector exclude each other.", fix="Put the vector into the plan file.")
    claim = vector.claim(opened, scale, system)
    edits = load_plan(plan, opened) if plan else claim.plan()
    if record:
        check_recordable(edits)
        if away := check_places(record=True, tracking_uri=tracking_uri):
            console.note(away)
    if items is None:
        claim = replace(claim, system=None)  # metrics have system prompts of their own
        value, results = run_metrics(metrics, opened, edits)
        failure = kept(
            value, lambda: record_metrics(results, value, opened, claim, tracking_uri=tracking_uri) if record else None
        )
        show_metrics(results, value, json, steered=len(edits) > 0)
        say_kept(value, json, failure)
        return
    opened = settle_form(opened, items, mode)
    remark = remark_on(opened, mode)
    if remark:
        console.note(remark)
    questions = ask(opened.format, items, mode, system=system)
    if dump:
        thought = opened.format.manner.reasoning == "generated"
        run_so = ask_after_thought(opened, items, mode, edits, system=system) if thought else questions
        dump_questions(dump, run_so, mode, edits)
    with progress_bars.bars() as bars:
        total = len(questions) * (2 if len(edits) else 1)
        result = run(opened, items, mode, edits, system=system, progress=bars.of("scoring", total), on_step=bars.phase)
    value = result.to_json()
    failure = kept(value, lambda: record_evaluation(result, claim, tracking_uri=tracking_uri) if record else None)
    console.write_result(value, json)
    if json != "-":
        _show(value)
    say_kept(value, json, failure)


_ANSWERS_BY = {
    "content": "the model answers by content",
    "letter": "the model answers by position",
    "unclear": "whether the model answers by content is unclear",
}


def _show(result: dict[str, Any]) -> None:
    from rich.table import Table

    from steerstack.report.page import interval

    table = Table(
        "", "mean and 95 % interval", title=f"{result['behavior']}, scored by {result['score']}, n = {result['n']}"
    )
    table.add_row("log-odds", interval(result["estimate"]))
    table.add_row("log-odds per token", interval(result["log_odds_per_token"]))
    table.add_row("p(exhibits)", interval(result["probability"]))
    if result["plan"]:
        effect = result["effect"]
        table.add_row("unsteered log-odds", interval(result["unsteered"]))
        table.add_row(f"effect ({effect['scale']})", interval(effect["estimate"]))
        if (misread := result["misread"]) and misread["effect"]:
            table.add_row(f"the same where words mislead (n = {misread['n']})", interval(misread["effect"]))
    console.out.print(table)
    if "label_mass" in result:
        mass = result["label_mass"]
        console.out.print(f"label mass {mass['mean']:.2f} in the form {mass['form']!r}", highlight=False)
    competence = result["competence"]
    if competence["swap_consistency"] is not None:
        console.out.print(
            f"swap consistency {competence['swap_consistency']:.2f} (0.5 is a coin; n = {competence['n']}): "
            + _ANSWERS_BY[competence["answers_by"]],
            highlight=False,
        )
    if result["warning"]:
        console.note(str(result["warning"]))
