"""``steerstack probe``: train a probe, and see whether it reads more than the words say."""

import typer

from steerstack.catalog.lookup import find
from steerstack.cli import assignments, console, options, progress_bars


@options.spread
def probe(
    *,
    data: str = options.DATA,
    source: options.DataOptions,
    model: options.ModelOptions,
    method: str = typer.Option("logistic", help="Probe; `steerstack plugins list` shows all."),
    set_: list[str] = options.SET,
    position: str = typer.Option("response", help="Where activations are read: answer, last or response."),
    layers: str | None = typer.Option(None, help="Candidate layers; all by default."),
    seed: int = typer.Option(0, help="Seed of the splits."),
    json: str | None = options.JSON,
) -> None:
    """Train a probe on contrast pairs; layer chosen on validation, AUROC on test, beside text-only and random."""
    console.quiet()
    from steerstack.study.probe import run_probe

    classifier = find("probe", method).make(assignments.settings(set_))
    items = source.items(data)
    opened = model.opened()
    candidates = assignments.numbers(layers, int, "layers") if layers else None
    with progress_bars.bars() as bars:
        progress = bars.of("pairs", len(items))
        value = run_probe(
            classifier, opened, items, position=position, layers=candidates, seed=seed, progress=progress
        ).to_json()
    console.write_result(value, json)
    if json != "-":
        _show(value)


def _show(value: dict[str, object]) -> None:
    from rich.table import Table

    def row(estimate: object) -> str:
        assert isinstance(estimate, dict)
        return f"{estimate['value']:.3f} [{estimate['ci_low']:.3f}, {estimate['ci_high']:.3f}]"

    selected, random, n = value["selected"], value["random_direction_auroc"], value["n"]
    assert isinstance(selected, dict)
    assert isinstance(random, dict)
    assert isinstance(n, dict)
    table = Table("", "AUROC and 95 % interval", title=f"{value['behavior']}, test split, n = {n['test']} pairs")
    table.add_row(f"{value['probe']}, layer {selected['layer']}", row(value["auroc"]))
    table.add_row("text only (TF-IDF)", row(value["text_only_auroc"]))
    table.add_row(f"best of {random['n']} random directions", f"{random['max']:.3f}")
    console.out.print(table)
    console.out.print(str(value["verdict"]), highlight=False)
