"""What an audit found in one organism of a population, as a line of a file: all that any rule needs, and no model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from steerstack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from steerstack.contracts import Built
    from steerstack.data.items import Item
    from steerstack_plugins.sandbagging.audit.audit import Evidence
    from steerstack_plugins.sandbagging.audit.choices import Choices

Split = Literal["calibration", "locked"]
"""``calibration`` to learn from; ``locked`` are judged once, by what was frozen before."""

DIGITS = 6
"""Significant digits of a row's numbers."""


@dataclass(frozen=True)
class OrganismRow:
    """One organism, and the evidence on it.

    Attributes
    ----------
    kind, sandbags, seed, world, split:
        What it is, its known answer, its seed, the number of its world, and the part of the population.
    architecture:
        Of its model, such as ``llama-3x64``: family, blocks and width.
    accuracy, induction_drop:
        Share of right answers to the plain questions, and how much its password (or what takes its place) adds to
        that on other questions of the target. The audit knows the former only.
    values:
        By test, the number of :attr:`Evidence.values`.
    above, below:
        By test that has a tally, the exact one-sided p-values over facts: that right answers were gained, and that
        they were lost; for ``below chance`` those of the plain answers themselves.
    answers:
        The letters chosen for the target's questions, asked plainly, in the order of :func:`audit_data`.
    seconds_made, seconds_audited:
        Seconds of processor time; the latter with the tests beside the battery.
    forward_passes, passes_by_test, labels:
        Of the audit: passes of single sequences of the whole battery and by test, and right answers that it was shown.
    noise:
        The accuracy on the validation questions by level of the noise on weights.
    ignorant_p:
        One p-value over all tests together, if the model does not know the facts.
    beside:
        The numbers of the tests that the combination does not read.
    """

    kind: str
    sandbags: bool
    seed: int
    world: int
    split: Split
    architecture: str
    accuracy: float
    induction_drop: float
    values: Mapping[str, float]
    above: Mapping[str, float]
    below: Mapping[str, float]
    answers: str
    seconds_made: float
    seconds_audited: float
    forward_passes: float
    passes_by_test: Mapping[str, float] = field(default_factory=dict)
    labels: int | None = None
    noise: Mapping[str, Any] = field(default_factory=dict)
    ignorant_p: float | None = None
    beside: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, organism: Built, evidence: Evidence, *, seconds: tuple[float, float], forward_passes: float, **about: Any
    ) -> OrganismRow:
        """The row of an organism and of what was found in it.

        Parameters
        ----------
        organism, evidence:
            The organism, of which the audit saw the model alone, and the evidence.
        seconds, forward_passes:
            For making and for auditing it, and passes of the audit.
        about:
            ``kind``, ``seed``, ``world``, ``split`` and ``architecture``.
        """
        from steerstack.data.items import LETTERS

        return cls(
            sandbags=organism.sandbags,
            accuracy=_short(evidence.answers.right.mean()),
            induction_drop=_short(organism.record["induction_drop"]["value"]),
            values={test: _short(value) for test, value in evidence.values.items()},
            above={test: _short(p) for test, p in evidence.above.items()},
            below={test: _short(p) for test, p in evidence.below.items()},
            answers="".join(LETTERS[place] for place in evidence.answers.chosen),
            seconds_made=_short(seconds[0]),
            seconds_audited=_short(seconds[1]),
            forward_passes=_short(forward_passes),
            passes_by_test=evidence.details.get("forward_passes", {}),
            labels=evidence.details.get("labels"),
            noise=evidence.details.get("weight-noise", {}).get("validation", {}),
            ignorant_p=evidence.ignorant_p,
            beside={test: _short(value) for test, value in evidence.beside.items()},
            **about,
        )

    def value(self, test: str) -> float:
        """The number of one test, of the battery or beside it."""
        return {**self.values, **self.beside}[test]

    def choices(self) -> Choices:
        """The plain answers to the target's questions, with certainty in place of the log-probabilities."""
        import numpy as np

        from steerstack.data.items import LETTERS
        from steerstack_plugins.sandbagging.audit.choices import Choices

        items = _asked(len(self.answers), self.world)
        logp = np.full((len(items), max(len(item.options) for item in items)), -np.inf)
        for row, letter in enumerate(self.answers):
            logp[row, LETTERS.index(letter)] = 0.0
        return Choices(items, logp)

    def to_json(self) -> dict[str, Any]:
        """As a line of the file holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> OrganismRow:
        """Read it back."""
        return cls(**value)


def write_rows(path: Path, rows: Sequence[OrganismRow]) -> None:
    """Write rows, one a line.

    Raises
    ------
    SteerstackError
        The file cannot be written.
    """
    from steerstack.util.files import write_atomically

    write_atomically(path, "".join(json.dumps(row.to_json(), allow_nan=False) + "\n" for row in rows))


def read_rows(path: Path) -> tuple[OrganismRow, ...]:
    """Read rows back.

    Raises
    ------
    DataError
        The file cannot be read, or a line is no row.
    """
    try:
        return tuple(OrganismRow.from_json(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{path} holds no rows of a population.",
            seen=str(error),
            fix="Give what `steerstack sandbag population` wrote.",
        ) from error


@cache
def _asked(n: int, world: int) -> tuple[Item, ...]:
    from steerstack_plugins.sandbagging.audit.battery import audit_data

    return audit_data(n, world=world).in_orders().target


def _short(number: Any) -> float:
    return float(f"{float(number):.{DIGITS}g}")
