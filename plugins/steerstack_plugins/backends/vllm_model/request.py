"""What vLLM is asked: a text, the edits at the positions that they touch in it, and how many rows that must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steerstack.engine.decode.sampling import Sampling
from steerstack.steering.intervention import Intervention, Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.util import digest


@dataclass(frozen=True)
class PlacedEdit:
    """One edit of a plan, with the positions that it touches in one text.

    Attributes
    ----------
    edit, fingerprint:
        The edit; those of one fingerprint are carried out together.
    positions:
        0-based positions of the text.
    after:
        Each position from here on is touched as well: those of generated tokens. None where they are not.
    """

    edit: Intervention
    fingerprint: str
    positions: frozenset[int]
    after: int | None

    def touches(self, position: int) -> bool:
        """Whether it acts at a position."""
        return position in self.positions or (self.after is not None and position >= self.after)


@dataclass(frozen=True)
class SteeredRequest:
    """One text under one plan.

    Attributes
    ----------
    name:
        What the reader knows it by, for errors: ``prompt 3 under plan 2``.
    sequence, plan:
        The text, all of which is run, and what acts on it.
    edits:
        The plan's edits, in order.
    new:
        How many tokens are to be generated at most; 0 where the text alone is of interest.
    """

    name: str
    sequence: TokenSequence
    plan: Plan
    edits: tuple[PlacedEdit, ...]
    new: int = 0

    @property
    def salt(self) -> str | None:
        """What keys and values in vLLM's prefix cache are kept under; None for an unsteered text, which may share.

        Two requests have the same one only where whatever they have in common is edited alike: it holds all edits,
        and every position. The selection alone would not do, as ``last`` of a text is not ``last`` of a longer one.
        """
        if not self.edits:
            return None
        places = [[one.fingerprint, sorted(one.positions), one.after is not None] for one in self.edits]
        return digest.of_json(places)

    def expected(self, cached: int, answer: int) -> list[int]:
        """How many rows each edit must have touched.

        Parameters
        ----------
        cached:
            Tokens whose keys and values came from the prefix cache: they were not run again.
        answer:
            Tokens that were generated; the last one is not run.
        """
        new = max(answer - 1, 0) if self.new else 0
        return [
            sum(position >= cached for position in one.positions) + (new if one.after is not None else 0)
            for one in self.edits
        ]


@dataclass(frozen=True)
class WritingTask:
    """A prompt that is to be written on.

    Attributes
    ----------
    name:
        What the reader knows it by.
    prompt, plan, sampling:
        What is written on, under which plan, and how.
    place:
        What its draws depend on, beside the seed.
    """

    name: str
    prompt: TokenSequence
    plan: Plan
    sampling: Sampling
    place: int = 0

    def title(self, _index: int) -> str:
        """The name at the beginning of a sentence."""
        return f"P{self.name[1:]}"

    @property
    def draw(self) -> dict[str, Any]:
        """vLLM's settings of its draws."""
        if not self.sampling.temperature:
            return {}
        seed = int(digest.of_json([self.sampling.seed, self.place])[:8], 16)
        return {"temperature": self.sampling.temperature, "top_p": self.sampling.top_p, "seed": seed}


class Placement:
    """Puts plans onto texts; digests each edit once.

    Parameters
    ----------
    plans:
        All that will be placed.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._known: Mapping[int, str] = {id(edit): edit.fingerprint for plan in plans for edit in plan}
        self._plans = plans  # they live as long as their ids are looked up

    def request(self, name: str, sequence: TokenSequence, plan: Plan, new: int = 0) -> SteeredRequest:
        """The request for one text under one of the plans; raises SiteError for a position that does not exist."""
        edits = tuple(
            PlacedEdit(
                edit,
                self._known[id(edit)],
                frozenset(edit.tokens.positions(sequence)),
                len(sequence) if new and edit.tokens.go_on_after(sequence) else None,
            )
            for edit in plan
        )
        return SteeredRequest(name, sequence, plan, edits, new)
