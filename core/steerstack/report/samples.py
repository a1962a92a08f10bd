"""Sample answers on a page and on a card."""

from collections.abc import Iterator, Sequence
from typing import TypedDict

from steerstack.report.page import Table
from steerstack.util.text import markdown


class SampleReply(TypedDict):
    """What one arm said."""

    label: str
    text: str
    edited_positions: int


class SampleItem(TypedDict):
    """What every arm said to one item."""

    id: str
    prompt: str
    arms: Sequence[SampleReply]


class Samples(TypedDict):
    """Replies to some items, and the rule by which these were taken."""

    rule: str
    items: Sequence[SampleItem]


def samples_tables(found: Samples | None) -> list[Table]:
    """A table of what the model said, a column an arm; none where a result has no samples."""
    if not found or not found["items"]:
        return []
    labels = [arm["label"] for arm in found["items"][0]["arms"]]
    rows = [[item["prompt"], *(_words(arm["text"]) for arm in item["arms"])] for item in found["items"]]
    return [Table("What the model says", ["prompt", *labels], rows, found["rule"])]


def samples_section(found: Samples | None) -> Iterator[str]:
    """The lines of a card."""
    if not found or not found["items"]:
        return
    yield "## What the model says"
    yield ""
    yield found["rule"]
    for item in found["items"]:
        yield ""
        yield f"> {markdown(_words(item['prompt']))}"
        yield ""
        for arm in item["arms"]:
            yield f"- **{markdown(arm['label'])}** {markdown(_words(arm['text']))}"


def _words(text: str) -> str:
    return " ".join(text.split()) or "(nothing)"
