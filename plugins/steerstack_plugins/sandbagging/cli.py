"""``steerstack sandbag demo``, ``calibrate`` and ``make``, and ``steerstack audit``."""

from pathlib import Path
from typing import Any

import typer

from steerstack.cli import console

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Models made to hide an ability, and what tells them apart."
)
JSON = typer.Option(None, "--json", help="Write the result as JSON; - prints it.")
SEED = typer.Option(0, help="Of models, organisms and audit.")
ITEMS = typer.Option(96, min=10, help="Tested items a subject.")


@app.command()
def demo(seed: int = SEED, items: int = ITEMS, json: str | None = JSON) -> None:
    """Build a locked organism and honest controls; run noise, elicitation and probes. Minutes, no download."""
    console.quiet()
    from steerstack_plugins.sandbagging.printing import show_demo
    from steerstack_plugins.sandbagging.showing import SHOWN_ORGANISMS, run_demo

    with console.bars() as bars:
        count = bars.of("steps", 2 + 2 * len(SHOWN_ORGANISMS))

        def step(words: str) -> None:
            bars.step(words)
            count(1)

        result = run_demo(seed=seed, items=items, step=step)
    console.write_result(result, json)
    if json != "-":
        show_demo(result)


@app.command()
def calibrate(
    trained: int = typer.Option(6, min=3, help="Organisms of each state on which thresholds are set."),
    tested: int = typer.Option(12, min=1, help="Other organisms of each state on which they are tried."),
    origins: str = typer.Option("0,1", help="Seeds of the models that organisms are made of; the last only tests."),
    seed: int = SEED,
    items: int = ITEMS,
    json: str | None = JSON,
) -> None:
    """Measure the audit's detection and false-positive rate on organisms that set no threshold."""
    console.quiet()
    from steerstack_plugins.sandbagging.calibrating import run_calibration
    from steerstack_plugins.sandbagging.printing import show_calibration

    chosen = console.numbers(origins, int, "origins")
    with console.bars() as bars:
        count = bars.of("organisms", 2 * (trained + tested))

        def step(words: str) -> None:
            bars.step(words)
            count(1)

        result = run_calibration(trained=trained, tested=tested, origins=chosen, items=items, seed=seed, step=step)
    console.write_result(result, json)
    if json != "-":
        show_calibration(result)


@app.command()
def make(
    name: str = typer.Argument(..., help="Organism; `steerstack plugins list` shows all."),
    out: Path = typer.Option(..., help="Folder for the model."),
    record: Path | None = typer.Option(None, help="File for the answer: how it was made, and its password."),
    seed: int = SEED,
    origin: int = typer.Option(0, help="Seed of the model that it is made of."),
) -> None:
    """Make an organism and save it, its record apart from it, so that another may audit the folder."""
    console.quiet()
    from steerstack.files import write_json
    from steerstack_plugins.sandbagging.origin import open_origin
    from steerstack_plugins.sandbagging.showing import build

    built = build(name, open_origin(origin), seed)
    module: Any = built.model.module
    module.save_pretrained(out)
    built.model.tokenizer.save_pretrained(out)
    console.console.print(f"saved to {out}", highlight=False)
    if record:
        write_json(record, {"sandbags": built.sandbags, **built.record})


def audit(
    model: str = console.MODEL,
    target: Path | None = typer.Option(None, help="CSV of target questions: question, choice0 ..., answer."),
    control: Path | None = typer.Option(None, help="CSV of questions of another domain."),
    shown: Path | None = typer.Option(None, help="CSV of target questions for demonstrations, other facts."),
    thresholds: Path | None = typer.Option(None, help="JSON of `sandbag calibrate`; without it there is no verdict."),
    limit: int | None = console.LIMIT,
    seed: int = typer.Option(0, help="Of noise, training and demonstrations."),
    revision: str | None = console.REVISION,
    dtype: str | None = console.DTYPE,
    device: str | None = console.DEVICE,
    json: str | None = JSON,
) -> None:
    """Look for a hidden ability in a model of unknown state. Without data files: the small world's questions.

    Each test is a gain in accuracy on the target: under demonstrations, prompts, steering, fine-tuning, and noise.
    """
    console.quiet()
    from steerstack.study.audit import audit as run
    from steerstack.trace.open import open_model
    from steerstack_plugins.sandbagging.auditing import inputs, read_thresholds
    from steerstack_plugins.sandbagging.printing import show_audit

    data, battery = inputs(target, control, shown, limit)
    bounds = read_thresholds(thresholds) if thresholds else None
    opened = open_model(model, revision=revision, dtype=dtype, device=device)
    with console.bars() as bars:
        progress = bars.of("tests", len(battery) + 2)
        evidence, verdict = run(opened, data, battery, bounds, seed=seed, progress=progress)
    result = {
        "study": "audit",
        "model": opened.name,
        "model_fingerprint": opened.fingerprint,
        "values": dict(evidence.values),
        "details": dict(evidence.details),
        "verdict": verdict.to_json() if verdict else None,
    }
    console.write_result(result, json)
    if json != "-":
        show_audit(result)
