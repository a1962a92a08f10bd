"""Which shortcuts the engine may take with a model: what a comparison with plain passes has shown."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Shortcut = Literal["rows", "padding", "midway", "tree", "prefix", "trunk", "cache", "side by side"]
"""What a pass may do beside running one sequence as a whole:

``rows``: several sequences of one length in one pass; ``padding``: sequences of several lengths,
filled up on the right; ``midway``: a steered pass begins at the first block that it changes;
``tree``: the options of an item share a row, a mask keeps them apart; ``prefix``: what all items
begin with is run once; ``trunk``: steered arms share a row and the unsteered tokens before it;
``cache``: decoding goes on from the keys and values of earlier tokens, rows filled up on the left;
``side by side``: arms decode in one row.
"""

SHORTCUTS: tuple[Shortcut, ...] = get_args(Shortcut)


@dataclass(frozen=True)
class Paths:
    """The shortcuts that agree with plain passes of a model, and those that do not.

    Attributes
    ----------
    used:
        The shortcuts that agree, for rows of up to ``reach`` tokens.
    reach:
        The smallest window or chunk that the config names; None where there is none.
    beyond:
        The shortcuts that agree in longer rows.
    off:
        For each shortcut that does not agree, the largest difference of a log-probability (nats); infinite
        where it could not run.
    """

    used: frozenset[Shortcut] = frozenset()
    reach: int | None = None
    beyond: frozenset[Shortcut] = frozenset()
    off: Mapping[str, float] = field(default_factory=dict)

    def may(self, shortcut: Shortcut, columns: int) -> bool:
        """Whether a shortcut may be taken in a row of so many tokens."""
        return shortcut in (self.used if self.reach is None or columns <= self.reach else self.beyond)

    def to_json(self) -> dict[str, object]:
        """For records: the shortcuts taken, and how far off those are that are not."""
        values = asdict(self) | {"used": self._sorted(self.used), "beyond": self._sorted(self.beyond)}
        off = {name: value if value < float("inf") else None for name, value in self.off.items()}
        return {name: value for name, value in values.items() if self.reach is not None or name in ("used",)} | {
            "off": off
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Paths":
        """What :meth:`to_json` wrote."""
        off = {name: float("inf") if number is None else float(number) for name, number in value["off"].items()}
        return cls(frozenset(value["used"]), value.get("reach"), frozenset(value.get("beyond", ())), off)

    @staticmethod
    def _sorted(names: frozenset[Shortcut]) -> list[str]:
        return [name for name in SHORTCUTS if name in names]


EVERY = frozenset(SHORTCUTS)
"""All shortcuts."""
