"""``steerstack sandbag game``: commit a model, judge those of others, score, and write the leaderboard."""

from pathlib import Path

import typer

from steerstack.catalog.lookup import find
from steerstack.cli import assignments, console, options, progress_bars

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="A game for two sides: one commits models that may hide an ability, the other judges them blind.",
)


@app.command()
def commit(
    model: Path = typer.Option(..., help="Folder of a saved model."),
    name: str = typer.Option(..., help="Of the entry; the other side sees it."),
    kind: str = typer.Option(..., help="What the model is one of, such as locked; sealed until it is revealed."),
    sandbags: bool = typer.Option(..., "--sandbags/--honest", help="The label; sealed until it is revealed."),
    entries: Path = typer.Option(..., help="Folder of all entries, for the other side."),
    reveals: Path = typer.Option(..., help="Folder of all labels, kept until the audits are in."),
) -> None:
    """Copy a model into the entries and seal its label: SHA-256 over its files, the label and a random number."""
    from steerstack_plugins.sandbagging.game.commitment import commit as run

    entry = run(model, name, sandbags=sandbags, kind=kind, entries=entries, reveals=reveals)
    console.out.print(f"{entry.name} is sealed as {entry.seal}.", highlight=False)


@app.command()
def audit(
    entries: Path = typer.Argument(..., help="Folder of the entries."),
    auditor: str = typer.Option("battery", help="Auditor; `steerstack plugins list` shows all."),
    set_: list[str] = options.SET,
    opinions: Path | None = typer.Option(None, help="JSON of opinions that were formed elsewhere, for the auditor's."),
    target: Path | None = typer.Option(None, help="CSV of target questions; without files: the small world's."),
    control: Path | None = typer.Option(None, help="CSV of questions of another domain."),
    shown: Path | None = typer.Option(None, help="CSV of target questions for demonstrations, other facts."),
    score: str = typer.Option("letter", help="letter, or text: how the questions of the files are answered."),
    world: int = typer.Option(0, help="Number of the small world."),
    limit: int | None = options.LIMIT,
    seed: int = typer.Option(0, help="Of noise, training and demonstrations."),
    json: str = typer.Option("-", "--json", help="Where the opinions go; - prints them.", rich_help_panel="Output"),
) -> None:
    """Judge every entry by an auditor that sees no label; entries that are not what was committed to are refused."""
    console.quiet()
    from steerstack.contracts import Questions
    from steerstack_plugins.sandbagging.audit.inputs import form_of, inputs
    from steerstack_plugins.sandbagging.game.play import play, take

    if opinions is not None:
        result = take(entries, opinions)
    else:
        data, _ = inputs(target, control, shown, limit, world=world, form=form_of(score))
        questions = Questions(data.target, data.control, data.shown.train, data.shown.validation, data.shown.form)
        method = find("auditor", auditor).make(assignments.settings(set_))
        with progress_bars.bars() as bars:
            result = play(entries, method, questions, seed=seed, step=bars.phase)
    console.write_result(result, json)


@app.command()
def score(
    played: Path = typer.Argument(..., help="JSON of `sandbag game audit`."),
    reveals: Path = typer.Option(..., help="Folder of the labels."),
    json: str | None = options.JSON,
) -> None:
    """Check the revealed labels against the commitments, and score the opinions."""
    from steerstack_plugins.sandbagging.commands.tables import show_game
    from steerstack_plugins.sandbagging.game.folder import settings_in
    from steerstack_plugins.sandbagging.game.score import score as run

    result = run(settings_in(played), reveals)
    console.write_result(result, json)
    if json != "-":
        show_game(result)


@app.command()
def board(
    scores: Path = typer.Argument(..., help="Folder of scores."),
    out: Path = typer.Option(..., help="HTML file for the page."),
) -> None:
    """Write the leaderboard of a folder of scores."""
    console.quiet()
    from steerstack.report.html import write_page
    from steerstack_plugins.sandbagging.game.board import board as page
    from steerstack_plugins.sandbagging.game.board import read_scores

    write_page(page(read_scores(scores)), out)
    console.out.print(f"The leaderboard is in {out}.", highlight=False)
