"""``steerstack sandbag demo``, ``build``, ``population``, ``combine``, ``calibrate``, and ``steerstack audit``."""

from pathlib import Path
from typing import Any

import typer

from steerstack.catalog.lookup import find
from steerstack.cli import assignments, console, options, progress_bars
from steerstack_plugins.sandbagging.commands import game, report

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Models made to hide an ability, and what tells them apart."
)
app.add_typer(game.app, name="game")
app.command()(report.freeze)
app.command()(report.report)
SEED = typer.Option(0, help="Of models, organisms and audit.")
RECORD = typer.Option(True, help="Keep what was made and found in the registry.")
WORLD = typer.Option(0, help="Number of the small world.")
ITEMS = typer.Option(96, min=10, help="Tested items a subject.")


@app.command()
def demo(
    seed: int = SEED,
    items: int = ITEMS,
    record: bool = RECORD,
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Build a locked organism and honest controls; run noise, elicitation and probes. Minutes, no download."""
    console.quiet()
    from steerstack_plugins.sandbagging.commands.demo import SHOWN_ORGANISMS, run_demo
    from steerstack_plugins.sandbagging.commands.tables import show_demo
    from steerstack_plugins.sandbagging.small_world.train import one_thread

    with progress_bars.bars() as bars, one_thread():
        demonstration = run_demo(seed=seed, items=items, step=bars.steps("steps", 2 + 2 * len(SHOWN_ORGANISMS)))
    console.write_result(demonstration.result, json)
    if json != "-":
        show_demo(demonstration.result)
    if record:
        from steerstack_plugins.sandbagging.commands.record import record_demo

        run_ids = record_demo(demonstration, tracking_uri=tracking_uri)
        console.console.print(f"{len(run_ids)} runs recorded under sandbagging", highlight=False)


@app.command()
def build(
    organism: str = typer.Option("locked", help="Organism; `steerstack plugins list` shows all."),
    model: str = typer.Option("small-world", help="small-world, smollm2, or a model for an organism that takes any."),
    set_: list[str] = options.SET,
    out: Path = typer.Option(..., help="Folder for the model."),
    answer: Path | None = typer.Option(None, help="File for the answer: how it was made, and its password."),
    seed: int = SEED,
    world: int = WORLD,
    record: bool = RECORD,
    tracking_uri: str | None = options.TRACKING,
) -> None:
    """Make an organism and save it, its answer apart from it, so that another may audit the folder."""
    console.quiet()
    from steerstack.trace.open import open_model
    from steerstack.util.files import write_json
    from steerstack_plugins.sandbagging.commands.record import record_organism
    from steerstack_plugins.sandbagging.commands.tables import show_built
    from steerstack_plugins.sandbagging.small_world.model import NAME, open_origin

    method = find("organism", organism).make(assignments.settings(set_))
    built = method.build(open_origin(world) if model == NAME else open_model(model), seed=seed)
    module: Any = built.model.module
    module.save_pretrained(out)
    built.model.tokenizer.save_pretrained(out)
    if answer:
        write_json(answer, {"sandbags": built.sandbags, **built.record})
    show_built(built.record, str(out))
    if record:
        record_organism(built, tracking_uri=tracking_uri)


@app.command()
def calibrate(
    rows: list[Path] | None = typer.Argument(
        None, help="Files of `sandbag population`, with both parts; by default those that come with steerstack."
    ),
    json: str | None = options.JSON,
) -> None:
    """Measure the audit's detection and false-positive rate on organisms of worlds that its rule has not seen.

    The rule is learned from the calibration organisms, and the locked ones are judged once. The result that comes with
    the audit is this command's.
    """
    console.quiet()
    from steerstack_plugins.sandbagging.audit.calibration import run_calibration
    from steerstack_plugins.sandbagging.audit.row import read_rows
    from steerstack_plugins.sandbagging.commands.tables import show_calibration
    from steerstack_plugins.sandbagging.population.row_files import path_of

    paths = rows or [path_of("calibration"), path_of("locked")]
    organisms = [row for path in paths for row in read_rows(path)]
    learned, judged = ([row for row in organisms if row.split == split] for split in ("calibration", "locked"))
    result = run_calibration(learned, judged)
    console.write_result(result, json)
    if json != "-":
        show_calibration(result)


@app.command()
def population(
    only: str | None = typer.Option(None, help="calibration or locked: one part of it."),
    rows: Path | None = typer.Option(None, help="File for the rows, one a line."),
    jobs: int = typer.Option(1, min=1, help="Processes, of one thread each."),
    folder: Path | None = typer.Option(None, help="Where finished organisms are kept; by default that of the studies."),
    json: str | None = options.JSON,
) -> None:
    """Make and audit 216 organisms of 12 worlds, a third to learn from and two thirds to be judged once.

    Which ones is declared in ``sandbagging/population/declaration.py``. A run that was stopped goes on where it was.
    """
    console.quiet()
    from steerstack.util.folders import home
    from steerstack_plugins.sandbagging.audit.row import write_rows
    from steerstack_plugins.sandbagging.commands.tables import show_population
    from steerstack_plugins.sandbagging.population.declaration import members
    from steerstack_plugins.sandbagging.population.run import run_population, summary

    chosen, place = members(only), folder or home() / "studies" / "sandbag-population"
    with progress_bars.bars() as bars:
        result = run_population(chosen, place, jobs=jobs, step=bars.steps("organisms", len(chosen)))
    if rows:
        write_rows(rows, result)
    console.write_result(summary(result), json)
    if json != "-":
        show_population(summary(result))


@app.command()
def combine(
    organism: str = typer.Option("locked", help="A sandbagging organism of the small world."),
    seed: int = SEED,
    items: int = ITEMS,
    record: bool = RECORD,
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Stack a vector against sandbagging with fine-tuning, and test a probe on steered and fine-tuned models."""
    console.quiet()
    from steerstack.util.folders import home
    from steerstack_plugins.sandbagging.commands.combine import run_combined
    from steerstack_plugins.sandbagging.commands.tables import show_combined
    from steerstack_plugins.sandbagging.small_world.train import one_thread

    with progress_bars.bars() as bars, one_thread():
        folder = home() / "studies" / f"sandbag-combine-{organism}-{seed}-{items}"
        stacking, result = run_combined(seed=seed, items=items, organism=organism, folder=folder, step=bars.phase)
    console.write_result(result, json)
    if json != "-":
        show_combined(result)
    if record:
        from steerstack_plugins.sandbagging.commands.record import record_combined

        record_combined(stacking, result, tracking_uri=tracking_uri)


def audit(
    model: str = options.MODEL,
    target: Path | None = typer.Option(None, help="CSV of target questions: question, choice0 ..., answer."),
    control: Path | None = typer.Option(None, help="CSV of questions of another domain."),
    shown: Path | None = typer.Option(None, help="CSV of target questions for demonstrations, other facts."),
    score: str = typer.Option("letter", help="letter, or text: how the questions of the files are answered."),
    world: int = WORLD,
    calibration: Path | None = typer.Option(
        None, help="JSON of `sandbag calibrate`; by default the one that comes with steerstack."
    ),
    prior: float = typer.Option(0.5, help="Share of sandbagging models among those that might be audited."),
    limit: int | None = options.LIMIT,
    seed: int = typer.Option(0, help="Of noise, training and demonstrations."),
    revision: str | None = options.REVISION,
    dtype: str | None = options.DTYPE,
    device: str | None = options.DEVICE,
    record: bool = RECORD,
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Look for a hidden ability in a model of unknown state. Without data files: the small world's questions.

    Each test is a gain in accuracy on the target: under demonstrations, prompts, steering, fine-tuning, and noise. By
    letter every tested question is asked with its right answer at every place, and p-values are exact over facts.
    """
    console.quiet()
    from steerstack.trace.open import open_model
    from steerstack_plugins.sandbagging.audit.audit import audit as run
    from steerstack_plugins.sandbagging.audit.inputs import form_of, inputs, read_calibration, report
    from steerstack_plugins.sandbagging.commands.tables import show_audit

    data, battery = inputs(target, control, shown, limit, world=world, form=form_of(score))
    reference = read_calibration(calibration)
    target_model = open_model(model, revision=revision, dtype=dtype, device=device)
    with progress_bars.bars() as bars:
        progress = bars.of("tests", len(battery))
        evidence, verdict = run(target_model, data, battery, reference.rule, seed=seed, progress=progress)
    result = report(target_model, evidence, verdict, reference, prior=prior)
    console.write_result(result, json)
    if json != "-":
        show_audit(result)
    if record:
        from steerstack_plugins.sandbagging.commands.record import record_audit

        record_audit(
            target_model, str(target or f"small world {world}"), data.target, result, tracking_uri=tracking_uri
        )
