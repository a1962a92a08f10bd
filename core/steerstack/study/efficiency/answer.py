"""What the items of a study of sample efficiency say: curves, which technique is better, and what nulls reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from steerstack.stats.learning_curves import SEEDS, Crossing, Curve, Effects, crossing, curve
from steerstack.study.efficiency.page import efficiency_plots, efficiency_tables
from steerstack.study.null_test import AboveNull, borne
from steerstack.study.technique_result import OneSetAnswer
from steerstack.techniques.null_techniques import is_reference

if TYPE_CHECKING:
    from steerstack.report.page import Table
    from steerstack.report.plot import Plot
    from steerstack.study.efficiency.study import Efficiency


@dataclass(frozen=True)
class ComparedCurves:
    """Two techniques' curves, and which of them is better, or where they cross."""

    first: str
    second: str
    crossing: Crossing


@dataclass(frozen=True)
class EfficiencyAnswer(OneSetAnswer):
    """Everything that is said of curves."""

    study: Efficiency

    @cached_property
    def _effects(self) -> dict[Any, NDArray[np.float64]]:
        """Paired effects of the test items by technique, share of flipped labels, number of labels and seed."""
        frame = self.items.frame
        if frame.empty:
            return {}
        each = frame.groupby(["technique", "noise", "n", "seed"], sort=False)
        return {key: rows.set_index("item")["effect"].loc[self.tested].to_numpy(float) for key, rows in each}

    @cached_property
    def names(self) -> list[str]:
        """Techniques that could be fitted at any size, in the order in which they were declared."""
        return list(dict.fromkeys(name for name, *_ in self._effects))

    @property
    def clean(self) -> float:
        """The share of flipped labels at which techniques are compared."""
        return self.study.noise[0]

    def sizes(self, name: str, noise: float) -> tuple[int, ...]:
        """Sizes at which a technique could be fitted by every seed."""
        seeds = range(self.study.seeds)
        return tuple(n for n in self.study.sizes if all((name, noise, n, seed) in self._effects for seed in seeds))

    def differences(self, name: str, noise: float, sizes: Sequence[int]) -> Effects:
        """Paired effects [seed, size, item]."""
        return np.array([[self._effects[name, noise, n, s] for n in sizes] for s in range(self.study.seeds)])

    @cached_property
    def curves(self) -> dict[tuple[str, float], Curve]:
        """The curve of each technique at each share of flipped labels."""
        fitted = {
            (name, noise): sizes
            for name in self.names
            for noise in self.study.noise
            if (sizes := self.sizes(name, noise))
        }
        return {key: curve(sizes, self.differences(*key, sizes), groups=self.groups) for key, sizes in fitted.items()}

    def _pairs(self, first: str, second: str) -> tuple[tuple[int, ...], Effects, Effects] | None:
        """The sizes at which both could be fitted, and the effects of either; None where there is none."""
        theirs = self.sizes(second, self.clean)
        sizes = tuple(n for n in self.sizes(first, self.clean) if n in theirs)
        if not sizes:
            return None
        return sizes, self.differences(first, self.clean, sizes), self.differences(second, self.clean, sizes)

    @cached_property
    def crossings(self) -> list[ComparedCurves]:
        """For every pair of techniques, which is better or where they cross, on clean labels."""
        names = [name for name in self.names if not is_reference(name)]
        crossings = []
        for place, first in enumerate(names):
            for second in names[place + 1 :]:
                if pair := self._pairs(first, second):
                    sizes, mine, theirs = pair
                    crossings.append(ComparedCurves(first, second, crossing(mine, theirs, sizes, groups=self.groups)))
        return crossings

    @cached_property
    def against_nulls(self) -> list[AboveNull]:
        """For every technique and null, the difference of their areas on clean labels, paired by seed and item."""
        comparisons = []
        for name, null in ((a, b) for a in self.names for b in self.names if is_reference(b) and not is_reference(a)):
            if pair := self._pairs(name, null):
                sizes, mine, theirs = pair
                comparisons.append(AboveNull(name, null, curve(sizes, mine - theirs, groups=self.groups).area))
        return comparisons

    @property
    def effects_beside_nulls(self) -> dict[str, float]:
        """Mean effect over the sizes on clean labels."""
        return {name: of.area.value for (name, at), of in self.curves.items() if at == self.clean}

    @property
    def sentences(self) -> list[str]:
        """Each technique's mean effect, the best first; which is better; what the nulls bear."""
        areas = {name: of.area for (name, at), of in self.curves.items() if at == self.clean}
        lines = [
            f"{name}: mean effect over the sizes {areas[name]}"
            + ("" if areas[name].bears_claim else ", which cannot be told apart from none")
            + (f", further than {place}" if (place := self.place(name)) else "")
            for name in sorted(areas, key=lambda name: -areas[name].value)
        ]
        each = [f"{line}." for line in lines]
        return [*each, *self._compared, borne(self.null_tests)]

    @property
    def _compared(self) -> list[str]:
        return [f"{_compared(entry, self.study.seeds)}." for entry in self.crossings]

    @property
    def lead(self) -> list[str]:
        """Which technique is better; what each does where there is one alone."""
        return self._compared or self.sentences[:1]

    @property
    def resolved(self) -> bool:
        """Whether any two techniques are told apart."""
        return any(entry.crossing.verdict != "not resolved" for entry in self.crossings)

    @property
    def would_change(self) -> str:
        """What would turn the comparison."""
        more = "" if self.study.seeds >= SEEDS else f" It takes {SEEDS} seeds to compare curves at all."
        if self.resolved:
            return (
                f"A gap of the other sign at either end of the sizes, on other items of the same kind or under other "
                f"seeds; sizes beyond these say nothing.{more}"
            )
        return f"More items or seeds, where the gap's interval includes zero at either end; other sizes.{more}"

    @property
    def plots(self) -> list[Plot]:
        """The curves, on clean and on flipped labels."""
        return efficiency_plots(self)

    @property
    def tables(self) -> list[Table]:
        """Effects at each size, nulls, areas, and which is better."""
        return efficiency_tables(self)


def _compared(pair: ComparedCurves, seeds: int) -> str:
    """Two curves, in words that their gap bears."""
    first, second, of = pair.first, pair.second, pair.crossing
    ends = f"{first} minus {second}: {of.smallest} at the smallest, {of.largest} at the largest"
    if of.verdict == "crosses":
        behind, ahead = (second, first) if of.smallest.value < 0 else (first, second)
        return f"{ahead} overtakes {behind} at about n = {of.at:.3g} ({ends})"
    if of.verdict == "not resolved":
        why = "" if seeds >= SEEDS else f", since that takes {SEEDS} seeds and there were {seeds}"
        return f"Which of {first} and {second} is better is not resolved{why} ({ends})"
    better, worse = (first, second) if of.verdict == "first is better" else (second, first)
    return f"{better} is better than {worse} at both ends of the sizes ({ends})"
