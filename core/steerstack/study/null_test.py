"""What nulls bear: a rank test for each family apart, and a claim only where every family is large enough.

A null goes through the same pipeline as the vector, its own choice of layer and strength included, so that it can be
exchanged with a vector that knows nothing of the behaviour. Then ``p = (1 + b) / (N + 1)``, of ``b`` nulls that move
the behaviour at least as far (either way), holds its level whatever the choices (Phipson & Smyth, 2010, doi
10.2202/1544-6115.1585, eq. 2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from steerstack.report.page import Table, interval
from steerstack.stats import rank_p
from steerstack.stats.estimate import Estimate
from steerstack.techniques.null_techniques import family_of

LEVEL = 0.05
"""Level of a claim."""

LEAST = 39
"""Nulls that a family needs for a claim at :data:`LEVEL`: with them, one may move the behaviour further."""

NEEDED = ("random", "shuffled labels")
"""Families that a claim needs."""

NEIGHBOR = "other behaviour"
"""Family of the vectors of other behaviours: no nulls, since behaviours may be kin."""

SIDE = "two-sided, by absolute size"

_ONE = {"random": "random direction", "shuffled labels": "vector from shuffled labels"}
_MANY = {"random": "random directions", "shuffled labels": "vectors from shuffled labels"}


@dataclass(frozen=True)
class NullTest:
    """A vector beside its nulls.

    Attributes
    ----------
    effect:
        What the vector does, on the items that the nulls were measured on.
    nulls:
        What each null does on the same items, by family.
    """

    effect: float
    nulls: Mapping[str, Sequence[float]]

    @property
    def p(self) -> dict[str, float]:
        """The p of each family; 1 for one without nulls."""
        return {family: rank_p(self.effect, self.nulls.get(family, ())) for family in NEEDED}

    @property
    def enough(self) -> bool:
        """Whether every family has nulls enough for a claim."""
        return all(len(self.nulls.get(family, ())) >= LEAST for family in NEEDED)

    @property
    def claims(self) -> bool:
        """Whether the nulls bear a claim: enough of them, and p at most :data:`LEVEL` in each family."""
        return self.enough and max(self.p.values()) <= LEVEL

    @property
    def sentence(self) -> str:
        """What the nulls support, in words."""
        if not self.place:
            return f"Without nulls nothing can be claimed: it takes {LEAST} of each family."
        what = "Taken through the same choices as its nulls, it moves the behaviour further than"
        short = "" if self.enough else f"; a claim at the 5 % level needs {LEAST} nulls of each family"
        return f"{what} {self.place} ({SIDE}{short})."

    @property
    def place(self) -> str:
        """How many nulls of each family it moves the behaviour further than, with the p; empty without nulls."""
        return " and ".join(self._than(family) for family in NEEDED if len(self.nulls.get(family, ())))

    def _than(self, family: str) -> str:
        sizes = np.abs(np.asarray(self.nulls[family], dtype=np.float64))
        beaten, count = int((sizes < abs(self.effect)).sum()), len(sizes)
        p = f"p = {shown(self.p[family])}"
        if beaten == count == 1:
            return f"the one {_ONE[family]} ({p})"
        return f"{f'all {count}' if beaten == count else f'{beaten} of {count}'} {_MANY[family]} ({p})"

    def to_json(self) -> dict[str, object]:
        """As results hold it."""
        return {
            "effect": self.effect,
            "side": SIDE,
            "n_nulls": {family: len(self.nulls.get(family, ())) for family in NEEDED},
            "p": self.p,
            "n_needed": LEAST,
            "level": LEVEL,
            "claims": self.claims,
            "text": self.sentence,
        }


@dataclass(frozen=True)
class AboveNull:
    """How much further than one null a technique moves the behaviour, paired."""

    technique: str
    null: str
    gap: Estimate


def above_nulls_table(entries: Sequence[AboveNull], title: str) -> Table:
    """Every technique against every null."""
    rows = [[entry.technique, entry.null, interval(entry.gap)] for entry in entries]
    note = "Random directions and shuffled labels; another behaviour's vector, a neighbour. All chosen in the same way."
    return Table("Against the nulls", ["technique", "null", title], rows, note)


def beside(effect: float, nulls: Mapping[str, float]) -> NullTest:
    """An effect beside those of null techniques, by their names; neighbours are none."""
    return NullTest(
        effect, {family: [of for name, of in nulls.items() if family_of(name) == family] for family in NEEDED}
    )


def borne(tests: Mapping[str, NullTest]) -> str:
    """What the nulls of a study bear of its vectors, as a sentence; empty for no vectors."""
    if not tests:
        return ""
    if not all(test.enough for test in tests.values()):
        return f"Against nulls nothing is claimed of a vector: that takes {LEAST} of each family."
    claimed = [name for name, test in tests.items() if test.claims]
    rule = f"each at the 5 % level ({SIDE})"
    return f"Told apart from its nulls {rule}: {', '.join(claimed) or 'no vector'}."


def tests_json(tests: Mapping[str, NullTest]) -> dict[str, object]:
    """By vector, as results hold them."""
    return {name: test.to_json() for name, test in tests.items()}


def shown(p: float) -> str:
    """A p value as sentences have it: ``.025``, ``.10``."""
    return (f"{p:.2f}" if p >= 0.0995 else f"{p:.3f}").lstrip("0") if p < 0.995 else f"{p:.0f}"
