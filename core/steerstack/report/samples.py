"""Sample answers on a page and on a card."""

from collections.abc import Iterator, Mapping
from typing import Any

from steerstack.report.page import Table


def samples_tables(found: Mapping[str, Any] | None) -> list[Table]:
    """A table of what the model said, a column an arm; none where a result has no samples."""
    if not found or not found["items"]:
        return []
    labels = [arm["label"] for arm in found["items"][0]["arms"]]
    rows = [[item["prompt"], *(_words(arm["text"]) for arm in item["arms"])] for item in found["items"]]
    return [Table("What the model says", ["prompt", *labels], rows, found["rule"])]


def samples_section(found: Mapping[str, Any] | None) -> Iterator[str]:
    """The lines of a card."""
    if not found or not found["items"]:
        return
    yield "## What the model says"
    yield ""
    yield found["rule"]
    for item in found["items"]:
        yield ""
        yield f"> {_words(item['prompt'])}"
        yield ""
        for arm in item["arms"]:
            yield f"- **{arm['label']}** {_words(arm['text'])}"


def _words(text: str) -> str:
    return " ".join(text.split()) or "(nothing)"
