"""Items, data sets and contrast pairs: what a behaviour is, and what shows it.

Polarity is settled when a file is loaded: from then on an item knows which of its options
*exhibits* the named behaviour. Nothing later speaks of "matching" answers.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Literal

from steerstack.data import display
from steerstack.data.constructors import FromMemory
from steerstack.errors import DataError
from steerstack.util import digest
from steerstack.util.text import no_name

Form = Literal["choice", "yes-no", "text"]
"""How the source poses an item: listed options, a Yes/No question, or free-text answers."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Layout:
    """How the source writes its options, so that order 0 is the source's own text.

    The question, then ``lead``, then each option after its bullet, then ``tail``. Without
    bullets of the source's own they are ``" (A) "`` and so on, one a line.
    """

    lead: str = "\n\nChoices:\n"
    bullets: tuple[str, ...] = ()
    tail: str = ""


@dataclass(frozen=True, repr=False)
class Item:
    """One question with its possible answers.

    Attributes
    ----------
    id:
        Unique within its data set.
    question:
        The user's message, without any list of options.
    options:
        The answers in the order in which they are listed.
    exhibits, contrast:
        Indices of the answer that exhibits the behaviour and of the one it is compared with.
    form:
        How the source poses it.
    topic:
        Stratum for splits; may be empty.
    layout:
        How the options are listed.
    system:
        A system prompt of the source's own.
    group:
        What belongs together, such as two questions that exchange the roles of one pair of answers.
    """

    id: str
    question: str
    options: tuple[str, ...]
    exhibits: int
    contrast: int
    form: Form = "choice"
    topic: str = ""
    layout: Layout = field(default_factory=Layout)
    system: str | None = None
    group: str = ""

    def __post_init__(self) -> None:
        within = 0 <= self.exhibits < len(self.options) and 0 <= self.contrast < len(self.options)
        if not within or self.exhibits == self.contrast:
            raise DataError(
                f"Item {self.id} does not name two of its options.",
                seen=f"{len(self.options)} options, exhibits {self.exhibits}, contrast {self.contrast}",
            )
        # a few published choice items are nothing but their options
        question = self.question.strip() or self.form == "choice"
        if not (question and self.exhibits_text.strip() and self.contrast_text.strip()):
            raise DataError(f"Item {self.id} has an empty question or answer.", fix="Fill it in, or drop the item.")
        if self.exhibits_text.strip() == self.contrast_text.strip():
            raise DataError(
                f"Item {self.id} has the same answer twice.", seen=self.exhibits_text[:80], fix="Mend or drop the item."
            )

    @property
    def exhibits_text(self) -> str:
        """Full text of the answer that exhibits the behaviour."""
        return self.options[self.exhibits]

    @property
    def contrast_text(self) -> str:
        """Full text of the answer it is compared with."""
        return self.options[self.contrast]

    @property
    def stratum(self) -> str:
        """What splits are balanced by: the topic, or else the letter that exhibits."""
        return self.topic or f"letter {LETTERS[self.exhibits]}"

    @property
    def kin(self) -> str:
        """What no split may part: the group, or else the question."""
        return self.group or self.question

    @property
    def content(self) -> dict[str, object]:
        """All that it holds, for digests; a group only where there is one, so that older digests stay as they are."""
        return {name: held for name, held in asdict(self).items() if name != "group" or held}

    def __repr__(self) -> str:
        return display.item_line(self)

    def _repr_html_(self) -> str:
        return display.item_html(self)

    def swapped(self) -> "Item":
        """The same item with the two compared options in each other's place."""
        options = list(self.options)
        options[self.exhibits], options[self.contrast] = self.contrast_text, self.exhibits_text
        return replace(self, options=tuple(options), exhibits=self.contrast, contrast=self.exhibits)

    def inverted(self) -> "Item":
        """The same item with exhibiting and not exhibiting exchanged."""
        return replace(self, exhibits=self.contrast, contrast=self.exhibits)

    def listed(self) -> str:
        """The question followed by its lettered options, written as the source writes them."""
        count = len(self.options)
        bullets = self.layout.bullets or [("\n" if i else "") + f" ({LETTERS[i]}) " for i in range(count)]
        lines = [bullet + text for bullet, text in zip(bullets, self.options, strict=True)]
        return self.question + self.layout.lead + "".join(lines) + self.layout.tail


@dataclass(frozen=True)
class SystemPrompts:
    """System prompts that ask for the behaviour, and that ask against it."""

    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class DataSet(FromMemory):
    """Items that test one behaviour.

    Attributes
    ----------
    behavior:
        Its name, such as ``sycophancy``.
    items:
        In the order of the source.
    polarity:
        One sentence: what the exhibiting answer does.
    source:
        The file, or ``steerstack:NAME`` for ours.
    prompts:
        System prompts for and against, where the source has them.
    notes:
        What the reader of the file should know, such as rows left out.
    """

    behavior: str
    items: tuple[Item, ...]
    polarity: str
    source: str
    prompts: SystemPrompts = field(default_factory=SystemPrompts)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.items:
            raise DataError(f"{self.source} holds no items.", fix="Check that the file is complete.")
        if why := no_name(self.behavior):
            raise DataError(
                f"{self.behavior!r} is no name of a behaviour: {why}.", seen=self.source, fix="Give another name."
            )
        ids: set[str] = set()
        for item in self.items:
            if item.id in ids:
                raise DataError(f"{self.source} has two items called {item.id!r}.", fix="Make the ids unique.")
            ids.add(item.id)

    def __repr__(self) -> str:
        return display.data_line(self)

    def _repr_html_(self) -> str:
        return display.data_html(self)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    @cached_property
    def digest(self) -> str:
        """Digest of the behaviour and of every item's content and polarity."""
        return digest.of_json([self.behavior, [item.content for item in self.items]])

    def take(self, items: tuple[Item, ...]) -> "DataSet":
        """The same data set with only the given items."""
        return replace(self, items=items)

    def limit(self, n: int | None) -> "DataSet":
        """The first ``n`` items; all of them for None.

        Raises
        ------
        DataError
            ``n`` is below 1.
        """
        if n is None:
            return self
        if n < 1:
            raise DataError(f"A limit of {n} leaves no items.", fix="Use a limit of 1 or more.")
        return self.take(self.items[:n])

    def spread(self, n: int) -> "DataSet":
        """``n`` items spread evenly over the set, in its order; all of them where there are no more."""
        count = len(self.items)
        return self if count <= n else self.take(tuple(self.items[place * count // n] for place in range(n)))
