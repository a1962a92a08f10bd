"""Cards and pictures that fit into MLflow: a description holds 5000 characters, its end worth more than a table's."""

from itertools import groupby
from pathlib import Path

_HEAD = 2
"""Lines of a table that stay: its columns and the rule under them."""


def fit(card: str, length: int, more: str) -> str:
    """Shorten the longest tables and lists of a card until it has at most ``length`` characters.

    Parameters
    ----------
    card:
        Markdown.
    length:
        Characters that there is room for; a card of prose alone can stay longer.
    more:
        Where the whole card is, said wherever lines were left out.
    """
    blocks = [list(lines) for _, lines in groupby(card.split("\n"), key=_kind)]
    left_out = [0] * len(blocks)

    def written() -> str:
        return "\n".join(
            line
            for lines, count in zip(blocks, left_out, strict=True)
            for line in (*lines, *(["", f"({count} more: {more})"] if count else []))
        )

    while len(written()) > length:
        places = [n for n, lines in enumerate(blocks) if _kind(lines[0]) and len(lines) > _HEAD + 1]
        if not places:
            break
        longest = max(places, key=lambda n: sum(map(len, blocks[n])))
        blocks[longest].pop()
        left_out[longest] += 1
    return written()


def narrowed(path: Path, width: int, spare: Path) -> Path:
    """A picture no wider than ``width``, in a folder to spare; the picture itself where it is, or is not to be read."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            if picture.width <= width:
                return path
            picture.thumbnail((width, width))
            small = spare / "small" / path.name
            small.parent.mkdir(exist_ok=True)
            picture.save(small)
            return small
    except OSError:  # no picture, whatever its name says
        return path


def _kind(line: str) -> str:
    return next((mark for mark in ("|", "- ") if line.startswith(mark)), "")
