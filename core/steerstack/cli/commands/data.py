"""``steerstack data``: what can be measured on, and whether a file can be."""

from typing import Any

import typer

from steerstack.catalog.data import behaviors, load_data
from steerstack.cli import console, options

app = typer.Typer(no_args_is_help=True, help="Look at data sets.")


@app.command("list")
def list_data(json: str | None = options.JSON) -> None:
    """List the shipped behaviours and the published sets."""
    from rich.table import Table

    from steerstack.catalog import published_data

    shipped = [{"name": name, "source": source, "at_hand": True} for name, source in behaviors().items()]
    sets = [
        {"name": name, "at_hand": published_data.at_hand(name) is not None, **about}
        for name, about in published_data.published().items()
    ]
    if console.wrote([*shipped, *sets], json):
        return
    table = Table("name", "source", "licence", "here")
    for row in [*shipped, *sets]:
        table.add_row(
            str(row["name"]), str(row["source"]), str(row.get("licence", "")), "yes" if row["at_hand"] else ""
        )
    console.out.print(table)


@app.command("fetch")
def fetch(name: str = typer.Argument(help="As `steerstack data list` has it.")) -> None:
    """Fetch a published set and check it against its pinned checksum."""
    from steerstack.catalog import published_data

    console.out.print(str(published_data.fetch(name)), highlight=False, soft_wrap=True)


@app.command("show")
def show(
    data: str = typer.Argument(help="Data file, shipped behaviour, published set, or hf:NAME."),
    items: int = typer.Option(3, help="How many items to print."),
    behavior: str | None = options.BEHAVIOR,
    matching: str | None = options.MATCHING,
    json: str | None = options.JSON,
) -> None:
    """Show what a data set measures, its polarity, and its first items."""
    about = _about(data, behavior, matching, items)
    if console.wrote(about, json):
        return
    for key, value in about.items():
        if key != "items":
            console.out.print(f"{key:10} {value}", highlight=False)
    for item in about["items"]:
        console.out.print(
            f"\n{item['id']}\n  {item['question']}\n  exhibits: {item['exhibits']}\n  not:      {item['not']}",
            highlight=False,
        )


@app.command("check")
def check(
    data: str = typer.Argument(help="Data file, shipped behaviour, published set, or hf:NAME."),
    behavior: str | None = options.BEHAVIOR,
    matching: str | None = options.MATCHING,
    json: str | None = options.JSON,
) -> None:
    """Check a data set: readable, of known polarity, and what could mislead (letters, Yes and No, lengths)."""
    from steerstack.data.leaks import leaks

    loaded = load_data(data, behavior=behavior, matching=matching)
    findings = leaks(loaded)
    if console.wrote({**_about(data, behavior, matching, 0), "leaks": [vars(leak) for leak in findings]}, json):
        return
    console.out.print(f"{data}: {len(loaded)} items of {loaded.behavior}; {loaded.polarity}", highlight=False)
    for remark in loaded.notes:
        console.out.say(f" {remark}", mark="!", style="yellow")
    for leak in findings:
        console.out.say(f" {leak.text}", mark="!" if leak.warns else " ", style="yellow")


def _about(data: str, behavior: str | None, matching: str | None, items: int) -> dict[str, Any]:

    loaded = load_data(data, behavior=behavior, matching=matching)
    return {
        "behavior": loaded.behavior,
        "exhibits": loaded.polarity,
        "n": len(loaded),
        "source": loaded.source,
        "digest": loaded.digest,
        "prompts": f"{len(loaded.prompts.positive)} for, {len(loaded.prompts.negative)} against",
        "notes": "; ".join(loaded.notes),
        "items": [
            {"id": i.id, "question": i.question, "exhibits": i.exhibits_text, "not": i.contrast_text}
            for i in loaded.items[:items]
        ],
    }
