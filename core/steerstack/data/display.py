"""How data sets and items show themselves."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from steerstack.data.constructors import COLUMNS
from steerstack.util import show

if TYPE_CHECKING:
    from steerstack.data.items import DataSet, Item


def item_line(item: Item) -> str:
    """Question and answers on one line."""
    question, yes, no = (show.clip(text, 50) for text in (item.question, item.exhibits_text, item.contrast_text))
    return show.line(f"<Item {show.clip(item.id, 30)}: {question!r} exhibits {yes!r}, not {no!r}>")


def item_html(item: Item) -> str:
    """Question and answers in full."""
    about = {"question": item.question, "exhibits": item.exhibits_text, "not": item.contrast_text}
    return show.facts(f"Item {item.id}", {"system prompt": item.system, **about, "topic": item.topic})


def data_line(data: DataSet) -> str:
    """Behaviour, number of items and source on one line."""
    return show.line(
        f"<DataSet {show.clip(data.behavior, 50)}: {len(data)} items from {show.clip(data.source, 60)}; "
        f"exhibits: {show.clip(data.polarity, 60)}>"
    )


def data_html(data: DataSet) -> str:
    """The first five items, and what could give the answer away."""
    leaks = importlib.import_module("steerstack.data.leaks").leaks  # which imports data sets, and is slow to import
    head = show.facts(
        f"Data set {data.behavior}",
        {"items": len(data), "exhibits": data.polarity, "source": data.source, "digest": data.digest[:12]},
    )
    clipped = [
        [show.clip(text, 160) for text in (item.question, item.exhibits_text, item.contrast_text)]
        for item in data.items[:5]
    ]
    marks = [[mark.what, f"{mark.text}{' (beyond chance)' if mark.warns else ''}"] for mark in leaks(data)]
    first = f"<p>The first {len(clipped)} items:</p>{show.table(COLUMNS, clipped)}"
    return f"{head}{first}<p>What could give the answer away:</p>{show.table(('mark', 'exhibiting answers'), marks)}"
