"""Progress: the one way in which work tells how far it is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """Another part of the work begins."""

    name: str


@dataclass(frozen=True)
class Amount:
    """How much work of one kind there is, and how much of it an earlier run did; more of the same kind adds up."""

    what: str
    total: int
    done: int = 0


@dataclass(frozen=True)
class Advance:
    """More work of one kind is done."""

    what: str
    more: int


@dataclass(frozen=True)
class Remark:
    """Something that the reader of the result should know."""

    text: str


ProgressEvent = Phase | Amount | Advance | Remark


class Progress:
    """Hands events on to whoever shows them; without a listener it is silent.

    Parameters
    ----------
    tell:
        Called with every event.
    """

    def __init__(self, tell: Callable[[ProgressEvent], None] | None = None) -> None:
        self._tell = tell

    def phase(self, name: str) -> None:
        """Say which part of the work begins."""
        self._say(Phase(name))

    def expect(self, what: str, total: int, done: int = 0) -> None:
        """Say how much work of a kind there is."""
        self._say(Amount(what, total, done))

    def advance(self, what: str, more: int = 1) -> None:
        """Say that more of it is done."""
        self._say(Advance(what, more))

    def note(self, text: str) -> None:
        """Say what the reader of the result should know."""
        self._say(Remark(text))

    def counter(self, what: str) -> Callable[[int], None]:
        """A function that counts one kind of work, for code that knows numbers only."""
        return lambda more: self.advance(what, more)

    def _say(self, event: ProgressEvent) -> None:
        if self._tell is not None:
            self._tell(event)


SILENT = Progress()
