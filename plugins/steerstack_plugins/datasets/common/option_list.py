"""Lists of options in the text of a question: taken apart, however they are labelled."""

import re
from dataclasses import dataclass

from steerstack.data.items import LETTERS, Layout
from steerstack_plugins.datasets.common.label import bare

_ANSWER_TAIL = re.compile(r"\s*\n+Answer:\s*$")
_HEADING = re.compile(r"\s*\b(?:Choices|Options|Answer choices|Possible answers):\s*$", re.I)

OURS = re.compile(r"(?m)^[ \t]*\((?P<mark>[A-Z])\)[ \t]?")
STYLES = (
    OURS,
    *(
        re.compile(rf"(?m)^[ \t]*{style}")
        for mark in ("(?P<mark>[A-Z])", "(?P<mark>[a-z])", r"(?P<mark>\d{1,2})")
        for style in (rf"\({mark}\)[ \t]?", rf"\[{mark}\][ \t]?", rf"{mark}\)[ \t]?", rf"{mark}[.:][ \t]+")
    ),
)
"""Labels at the beginning of a line: ``(A)``, ``[A]``, ``A)``, ``A.`` and ``A:``, with ``a`` and ``1`` for ``A``."""


@dataclass(frozen=True)
class Listed:
    """A question taken apart.

    Attributes
    ----------
    stem:
        The question without its list.
    texts, labels:
        The options and what each is called, in capitals.
    layout:
        How they are listed: verbatim where the source writes ``(A)``; other labels become those.
    verbatim:
        Whether the list is written again as the source has it.
    """

    stem: str
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    layout: Layout
    verbatim: bool


def parse_listed(text: str) -> Listed | None:
    """Take a question apart into stem, option texts and how they were listed; None without a list."""
    tail_at = _ANSWER_TAIL.search(text)
    tail = tail_at.group(0) if tail_at else ""
    body = text[: len(text) - len(tail)]
    for style in STYLES:
        listing = _parse(text, body, style)
        if listing is not None:
            return listing
    return None


def _parse(text: str, body: str, style: re.Pattern[str]) -> Listed | None:
    # the list is the last run of labels (A), (B), ... that begins with the first
    marks = list(style.finditer(body))
    begins = [i for i, mark in enumerate(marks) if bare(mark["mark"]) in ("A", "1")]
    if not begins:
        return None
    marks = marks[begins[-1] :]
    labels = tuple(bare(mark["mark"]) for mark in marks)
    expected = LETTERS if labels[0] == "A" else [str(number) for number in range(1, 100)]
    if len(marks) < 2 or list(labels) != list(expected[: len(marks)]):
        return None
    stem = _HEADING.sub("", body[: marks[0].start()]).rstrip()
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    texts = [body[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    if not all(texts):
        return None
    lead = body[len(stem) : marks[0].start()]
    # everything that is neither stem nor option text is kept as it stands
    spans = [(body.index(option, mark.end()), option) for mark, option in zip(marks, texts, strict=True)]
    edges = [marks[0].start(), *(at + len(option) for at, option in spans)]
    if style is not OURS:
        return Listed(stem, tuple(texts), labels, Layout(lead, (), text[edges[-1] :]), False)
    bullets = tuple(body[edge:at] for edge, (at, _) in zip(edges, spans, strict=False))
    return Listed(stem, tuple(texts), labels, Layout(lead, bullets, text[edges[-1] :]), True)
