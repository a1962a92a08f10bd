"""``steerstack crosscheck``: do two engines say the same of a model?"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from steerstack.catalog.lookup import find
from steerstack.cli import assignments, console, options, progress_bars

if TYPE_CHECKING:
    from steerstack.study.crosscheck import CrossCheck


def crosscheck(
    model: str = typer.Argument("smollm2", help="Folder, Hugging Face id, or 'smollm2'."),
    vector: Path | None = typer.Option(None, help="Vector file; random directions alone by default."),
    layers: str | None = typer.Option(None, help="Layers, such as 5,9; three by default."),
    edits: str = typer.Option("add,ablate,project", help="Edits to compare, by commas."),
    backend: str = typer.Option("transformer-lens", help="The other engine."),
    basis: str | None = typer.Option(None, help="Bases of its activations, by commas; all it has by default."),
    texts: int = typer.Option(3, min=1, help="Number of neutral texts to run."),
    tolerance: float = typer.Option(1e-4, min=0, help="Largest difference that counts as agreement."),
    seed: int = typer.Option(0, help="Seed of the random directions."),
    revision: str | None = options.REVISION,
    dtype: str = typer.Option("float64", help="Of both: float64, or float32 to save memory."),
    device: str = typer.Option("cpu", help="Of both."),
    json: str | None = options.JSON,
) -> None:
    """Compare nnsight with another engine on a model: logits unsteered and under each edit, in each basis.

    Says before a run what does not mean the same in a basis. Ends with exit code 1 where an edit that
    does is off by more than the tolerance.
    """
    console.quiet()
    from steerstack.errors import ParameterError, nearest
    from steerstack.exchange.load_vector import load_vector
    from steerstack.measure.neutral_text import neutral_texts
    from steerstack.study.crosscheck import arms_of
    from steerstack.study.crosscheck import crosscheck as run
    from steerstack.techniques.selection import candidate_layers
    from steerstack.trace.open import open_model

    other = find("backend", backend)
    wanted = basis.split(",") if basis else list(other.bases)
    for name in wanted:
        if name not in other.bases:
            raise ParameterError(f"{backend} has no basis {name!r}.", fix=nearest(name, other.bases))
    parameters = {"dtype": dtype, "device": device, "revision": revision}
    backends = {
        name: other.make(
            {key: value for key, value in {**parameters, "basis": name}.items() if key in other.model_fields}
        )
        for name in wanted
    }
    loaded = load_vector(vector) if vector else None
    opened = open_model(model, revision=revision, dtype=dtype, device=device)
    if loaded is not None:
        opened.check_vector(loaded, transfer=True)  # the weights are here in another dtype than where it was made
    if layers:
        at = assignments.numbers(layers, int, "layers")
    else:
        among = loaded.layers if loaded else range(opened.n_layers)
        at = tuple(layer for layer in candidate_layers(opened.n_layers, 3) if layer in among) or tuple(among)[:3]
    arms = arms_of(opened, loaded, layers=at, edits=edits.split(","), seed=seed)
    for arm in arms:
        opened.check_plan(arm.plan)
    sequences = neutral_texts(opened.format)[:texts]
    with progress_bars.bars() as bars:
        result = run(
            opened,
            backend,
            {name: partial(backends[name].open, model) for name in wanted},
            sequences,
            arms,
            tolerance=tolerance,
            say=console.note,
            advance=bars.of("runs", len(wanted) * len(arms) * len(sequences)),
        )
    console.write_result(result.to_json(), json)
    if json != "-":
        _show(result)
    if not result.passed:
        raise typer.Exit(1)


def _show(result: "CrossCheck") -> None:
    from rich.table import Table

    from steerstack.study.crosscheck import ComparisonArm

    table = Table(
        "basis", "arm", "quantity", "largest difference", "change by the edit", "by rounding", "",
        title=f"{result.model.name}: nnsight and {result.backend}, {result.n_sequences} texts",
    )  # fmt: skip
    for one in result.compared:
        arm = str(ComparisonArm(one.direction, one.edit, one.layer))
        close = "agrees" if one.difference <= result.tolerance else "within rounding"
        verdict = close if one.agrees else "not portable, as said" if one.not_portable else "DIFFERS"
        table.add_row(
            one.basis, arm, one.quantity, f"{one.difference:.1e}", f"{one.moved:.2g}", f"{one.rounding:.1e}", verdict
        )
    console.out.print(table)
    worst = ", ".join(f"{value:.1e} in the {basis} basis" for basis, value in result.largest().items()) or "none"
    verdict = "agree" if result.passed else "do NOT agree"
    excused = sum(one.agrees and one.difference > result.tolerance for one in result.compared)
    also = f", and {excused} arms are above it by no more than rounding alone makes" if excused else ""
    console.out.print(
        f"The engines {verdict}: largest difference of what is portable {worst}; the tolerance is "
        f"{result.tolerance:g}{also}.",
        highlight=False,
    )
