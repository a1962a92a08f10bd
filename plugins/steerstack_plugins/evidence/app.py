"""``steerstack evidence run``, ``status``, ``build`` and ``registry``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from steerstack.cli import console, options, progress_bars
from steerstack.errors import StudyError, nearest

if TYPE_CHECKING:
    from steerstack_plugins.evidence.programme import DeclaredClaim

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Claims declared before they are measured, and their pages."
)
CLAIMS = typer.Option(Path("examples/evidence"), help="Folder of claims, one YAML file each.")
PAGES = typer.Option(Path("docs/evidence"), help="Folder of pages; findings are kept in results/ under it.")
ONLY = typer.Option([], "--only", help="Name of a claim; may be given again. All by default.")


def _programme(folder: Path, only: list[str]) -> "dict[str, DeclaredClaim]":
    from steerstack_plugins.evidence.programme import load_programme

    claims = load_programme(folder)
    for name in only:
        if name not in claims:
            raise StudyError(f"{folder} holds no claim {name!r}.", fix=nearest(name, claims))
    return {name: claim for name, claim in claims.items() if not only or name in only}


@app.command()
def run(
    claims: Path = CLAIMS,
    pages: Path = PAGES,
    only: list[str] = ONLY,
    fresh: bool = options.FRESH,
    engine: str = options.ENGINE,
    workers: int | None = options.WORKERS,
) -> None:
    """Measure the claims that were not measured yet, or whose study has changed; a stopped run goes on."""
    console.quiet()
    from steerstack_plugins.evidence.run import findings, run_claim

    programme = _programme(claims, only)
    there = {} if fresh else findings(programme, pages)
    for name, claim in programme.items():
        if name in there:
            console.note(f"{name} was measured already; --fresh measures it again")
            continue
        with progress_bars.bars() as bars:
            bars.phase(claim.title)
            finding = run_claim(name, claim, pages, engine=engine, workers=workers, fresh=fresh, progress=bars)
        console.out.say(f"{name}: {finding.answer.verdict}")


@app.command()
def status(claims: Path = CLAIMS, pages: Path = PAGES, json: str | None = options.JSON) -> None:
    """Say which claims were measured, how long each took, and what came out."""
    from steerstack_plugins.evidence.run import status as status_of

    statuses = status_of(_programme(claims, []), pages)
    if console.wrote([asdict(one) for one in statuses], json):
        return
    for one in statuses:
        took = "" if one.took is None else f", took {one.took:.0f}"
        console.out.say(f"{one.name}: {one.state} (planned: {one.planned:g} minutes{took}). {one.sentence}".strip())


@app.command()
def build(
    claims: Path = CLAIMS,
    pages: Path = PAGES,
    check: bool = typer.Option(False, "--check", help="Write nothing; fail where a page is stale."),
) -> None:
    """Build the pages from the findings, without a model."""
    from steerstack_plugins.evidence.run import stale_pages, write_pages

    programme = _programme(claims, [])
    if check:
        stale = stale_pages(programme, pages)
        if stale:
            raise StudyError(
                "Pages do not say what the findings say.",
                seen=", ".join(map(str, stale)),
                fix="Build them: steerstack evidence build.",
            )
        return
    for path in write_pages(programme, pages):
        console.out.say(f"wrote {path}")


@app.command()
def registry(
    claims: Path = CLAIMS, pages: Path = PAGES, only: list[str] = ONLY, tracking_uri: str | None = options.TRACKING
) -> None:
    """Load the findings into an MLflow store, vectors included, so that people can browse them."""
    console.quiet()
    from steerstack.catalog.recorder import record_run
    from steerstack_plugins.evidence.run import findings, results_of

    outcomes = findings(_programme(claims, only), pages)
    if not outcomes:
        raise StudyError("No claim has been measured.", fix="Measure one: steerstack evidence run --only NAME.")
    for name, finding in outcomes.items():
        recording = record_run(finding.record(results_of(pages, name)), tracking_uri=tracking_uri)
        console.out.say(f"{name}: {recording.model_uri or recording.run_id}")
