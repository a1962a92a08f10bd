"""``steerstack evaluate``: score a data set, with or without a vector."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from steerstack.cli import console

if TYPE_CHECKING:
    from steerstack.intervention import Plan
    from steerstack.trace.model import Model


def evaluate(
    data: str = console.DATA,
    model: str = console.MODEL,
    score: str = typer.Option("text", help="letter, yes-no or text."),
    vector: Path | None = typer.Option(None, help="Vector file."),
    layer: int | None = typer.Option(None, help="Layer at which it is used."),
    scale: float = typer.Option(1.0, help="Multiplier (add)."),
    relative: bool = typer.Option(False, help="The scale is a share of each activation's norm."),
    edit: str = typer.Option("add", help="add, ablate or project."),
    tokens: str = console.TOKENS,
    system: str | None = typer.Option(None, help="System prompt for every item."),
    transfer: bool = typer.Option(False, help="Allow a vector that was made from other weights."),
    limit: int | None = console.LIMIT,
    behavior: str | None = console.BEHAVIOR,
    matching: str | None = console.MATCHING,
    revision: str | None = console.REVISION,
    dtype: str | None = console.DTYPE,
    device: str | None = console.DEVICE,
    dump: Path | None = typer.Option(None, help="Write the exact tokens run and the positions edited (JSONL)."),
    json: str | None = typer.Option(None, "--json", help="Write the result as JSON; - prints it."),
) -> None:
    """Score a data set under a vector, beside the unsteered model on the same items."""
    console.quiet()
    from steerstack import catalog
    from steerstack.asking import ask, check_mode
    from steerstack.dump import dump_questions
    from steerstack.study.evaluate import evaluate as run
    from steerstack.trace.open import open_model

    mode = check_mode(score)
    items = catalog.load_data(data, behavior=behavior, matching=matching).limit(limit)
    for remark in items.notes:
        console.note(remark)
    opened = open_model(model, revision=revision, dtype=dtype, device=device)
    plan = make_plan(opened, vector, layer, scale, relative, edit, tokens, transfer)
    questions = ask(opened.format, items, mode, system=system)
    if dump:
        dump_questions(dump, questions, mode, plan)
    with console.bars() as bars:
        total = len(questions) * (2 if len(plan) else 1)
        result = run(opened, items, mode, plan, system=system, progress=bars.of("scoring", total), on_step=bars.step)
    console.write_result(result.to_json(), json)
    if json != "-":
        _show(result.to_json())


def make_plan(
    model: "Model",
    vector: Path | None,
    layer: int | None,
    scale: float,
    relative: bool,
    edit: str,
    tokens: str,
    transfer: bool,
) -> "Plan":
    """The plan that the options describe; an empty one without a vector."""
    from steerstack.edits import Ablate, Add, Project
    from steerstack.errors import SteerstackError, nearest
    from steerstack.intervention import Intervention, Plan
    from steerstack.tokens import Tokens
    from steerstack.vector import SteeringVector

    if vector is None:
        return Plan()
    loaded = SteeringVector.load(vector)
    model.check_vector(loaded, transfer=transfer)
    if layer is None:
        raise SteerstackError(
            "A vector needs a layer.", seen=f"layers {', '.join(map(str, loaded.layers))}", fix="Add --layer L."
        )
    model.check_site(loaded.site(layer))
    site, direction, selection = loaded.site(layer), loaded[layer], Tokens.parse(tokens)
    edits: dict[str, Callable[[], Intervention]] = {
        "add": lambda: Add(site, direction, scale, relative, selection=selection),
        "ablate": lambda: Ablate(site, direction, selection=selection),
        "project": lambda: Project(site, direction, selection=selection),
    }
    if edit not in edits:
        raise SteerstackError(f"There is no edit {edit!r}.", fix=nearest(edit, edits))
    return Plan((edits[edit](),))


def _show(result: dict[str, object]) -> None:
    from rich.table import Table

    def row(estimate: object) -> str:
        assert isinstance(estimate, dict)
        return f"{estimate['value']:+.3f} [{estimate['ci_low']:+.3f}, {estimate['ci_high']:+.3f}]"

    table = Table(
        "", "mean and 95 % interval", title=f"{result['behavior']}, scored by {result['score']}, n = {result['n']}"
    )
    table.add_row("log-odds", row(result["estimate"]))
    table.add_row("log-odds per token", row(result["log_odds_per_token"]))
    table.add_row("p(exhibits)", row(result["probability"]))
    if result["plan"]:
        effect = result["effect"]
        assert isinstance(effect, dict)
        table.add_row("unsteered log-odds", row(result["unsteered"]))
        table.add_row(f"effect ({effect['scale']})", row(effect["estimate"]))
    console.out.print(table)
    competence = result["competence"]
    assert isinstance(competence, dict)
    if competence["swap_consistency"] is not None:
        console.out.print(
            f"swap consistency {competence['swap_consistency']:.2f} (0.5 is a coin; n = {competence['n']}): "
            f"letters are answered by {competence['answers_by']}",
            highlight=False,
        )
    if result["warning"]:
        console.note(str(result["warning"]))
