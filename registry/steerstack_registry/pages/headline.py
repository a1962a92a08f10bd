"""Which effects of a run stand first: in its description, among its metrics, and in a table beside it.

MLflow's pages list metrics by name and draw every one of them in its compare view, so that a few that matter say more
than hundreds. All effects with their intervals are in one table, and in ``result.json``.
"""

import re
from collections.abc import Iterable, Sequence

from steerstack.contracts.recorder import Effect

TABLE = "effects.json"
"""Artifact with every effect; MLflow shows it as a table."""

SHOWN = 3
"""Effects that become metrics: with interval and n, a dozen. Where there are more vectors, each still has one."""

DIGITS = 8
"""Significant digits of a metric: readable, and for programs that read it as good as the table."""

_FIRST = ("effect/alone", "kl/vector-positive", "effect/prompt-positive+vector-positive")
_REFERENCE = re.compile(r"(?:^|/)(?:null|neighbor)[/:]")


def headlines(effects: Iterable[Effect], count: int = SHOWN) -> list[Effect]:
    """The first effects: one of each vector, then those of the first one; no nulls.

    Alone comes first, then its cost, then on top of a prompt, then what adds the behaviour, then the given order.
    """
    order = sorted((e for e in effects if not _REFERENCE.search(e.name)), key=_rank)
    first = {effect.role: effect for effect in reversed(order)}
    rest = [effect for effect in order if effect not in first.values()]
    selection = [*first.values(), *rest[: max(0, count - len(first))]]
    return [effect for effect in order if effect in selection]


def _rank(effect: Effect) -> tuple[int, bool, bool]:
    place = _FIRST.index(effect.name) if effect.name in _FIRST else len(_FIRST)
    return place, not effect.name.startswith("effect/vector-positive"), "negative" in effect.name


def rounded(number: float) -> float:
    """A number as metrics show it."""
    return float(f"{number:.{DIGITS}g}")


def effects_table(effects: Sequence[Effect]) -> dict[str, object]:
    """Every effect in the form of MLflow's tables."""
    columns = ["effect", "value", "ci_low", "ci_high", "n", "vector"]
    rows = [[row["name"], row["value"], row["ci_low"], row["ci_high"], row["n"], row["role"]]
            for row in (effect.to_json() for effect in effects)]  # fmt: skip
    return {"columns": columns, "data": rows}
