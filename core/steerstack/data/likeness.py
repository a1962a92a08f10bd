"""Answers that are all but the same: a pair of them can show next to nothing of a behaviour."""

import re
import unicodedata
from collections.abc import Sequence

from steerstack.data.items import Item


def alike(one: str, other: str) -> bool:
    """Whether two texts differ only in case, spaces, punctuation at the ends, or ways of writing a character.

    Texts without letters and digits are compared as they are.
    """
    bare = [_bare(text) for text in (one, other)]
    return one == other if not all(bare) else bare[0] == bare[1]


def _bare(text: str) -> str:
    return re.sub(r"^\W+|\W+$", "", " ".join(unicodedata.normalize("NFKC", text).casefold().split()))


def likeness_note(items: Sequence[Item]) -> tuple[str, ...]:
    """A note that names the items whose two answers are all but the same, and their share; empty without any."""
    ids = [item.id for item in items if alike(item.exhibits_text, item.contrast_text)]
    if not ids:
        return ()
    named = ", ".join(ids[:5]) + (", ..." if len(ids) > 5 else "")
    return (
        f"{len(ids)} of {len(items)} items ({len(ids) / len(items):.0%}) have answers that differ only in case, "
        f"spaces or end punctuation: {named}",
    )
