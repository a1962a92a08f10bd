"""``steerstack run`` and ``steerstack new``: any study from its file, and files to begin from."""

from pathlib import Path

import typer

from steerstack.cli import assignments, console, options

new = typer.Typer(no_args_is_help=True, help="Write a file to begin from: a study, or a behaviour of your own.")
FOLDER = typer.Option(Path(), help="Where it is written.")


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
    gpus_per_worker: int | None = options.GPUS,
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

    perform(
        study,
        Outputs(plan_only, fresh, engine, workers, gpus_per_worker, report, figures, record, tracking_uri, json),
    )


@new.command("study")
def new_study(
    name: str = typer.Argument(help="Name of the file, without its ending."),
    kind: str = typer.Option("stack", help="Which study: sweep, stack, efficiency, ..., or a plugin's."),
    data: str = typer.Option("sycophancy", help="Data file, or the name of a shipped behaviour."),
    set_: list[str] = typer.Option([], "--set", help="Value of a key, NAME=VALUE; may be given again."),
    folder: Path = FOLDER,
) -> None:
    """Write a study file with every key explained, which `steerstack run` takes as it is."""
    from steerstack.cli.starter_files import write_study

    path = write_study(name, folder, kind, {"data": data, **assignments.values(set_)})
    console.out.print(str(path), highlight=False)
    console.console.print(f"Next: steerstack run {path} --plan-only", highlight=False)


@new.command("behaviour")
def new_behaviour(
    name: str = typer.Argument(help="Name of the behaviour, such as optimism."), folder: Path = FOLDER
) -> None:
    """Write a table of items to replace, and a guide to writing good ones."""
    from steerstack.cli.starter_files import write_behaviour

    paths = write_behaviour(name, folder)
    for path in paths:
        console.out.print(str(path), highlight=False)
    console.console.print(f"Next: steerstack data check {paths[0]}", highlight=False)
