"""``steerstack run``: any study, from its file."""

from pathlib import Path

import typer

from steerstack.cli import console, options


def run(
    file: Path = typer.Argument(help="Study file (YAML); see examples/studies."),
    remote: str | None = typer.Option(
        None, help="Server that holds the weights; one that the file names is followed only if it is named here too."
    ),
    follow: list[str] = typer.Option(
        [], help="Another address that the file may name, of a vector or a judge, say; may be given again."
    ),
    plain_http: bool = options.PLAIN_HTTP,
    plan_only: bool = options.PLAN_ONLY,
    fresh: bool = options.FRESH,
    engine: str = options.ENGINE,
    workers: int | None = options.WORKERS,
    report: str | None = options.REPORT,
    figures: str | None = options.FIGURES,
    record: bool = options.RECORD,
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Run the study that a file declares, of any installed kind. The same command goes on after a kill."""
    from steerstack.study.study_file import load_study

    study = load_study(file, remote=remote, follow=follow)  # what is wrong is said before anything heavy is imported
    console.quiet()
    from steerstack.cli.outputs import Outputs, perform

    perform(study, Outputs(plan_only, fresh, engine, workers, report, figures, record, tracking_uri, json))
