"""What the items of a study of online reinforcement learning say: who learns from one reward, and what that moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from steerstack.stats.estimate import Estimate
from steerstack.stats.learning_curves import two_way
from steerstack.study.null_test import borne
from steerstack.study.online_rl.comparison import Comparison, Gains, compare, moves_choices_only, on_choices
from steerstack.study.online_rl.on_top import VectorOnLearner, on_top
from steerstack.study.online_rl.page import gains_plots, gains_tables
from steerstack.study.technique_result import TechniqueAnswer
from steerstack.techniques.null_techniques import is_reference

if TYPE_CHECKING:
    import pandas as pd

    from steerstack.report.page import Table
    from steerstack.report.plot import Plot
    from steerstack.study.online_rl.study import OnlineRL

FIRST = "test"
"""The test items that are like those that were learnt from."""

COLUMNS = {"reward": "reward_gain", "behaviour": "effect"}
"""What is gained against the bare model, and the column of the frame that holds it."""


@dataclass(frozen=True)
class OnlineRLAnswer(TechniqueAnswer):
    """Everything that is said of rewards; ``steered`` names no learners.

    Attributes
    ----------
    declared:
        Names of the learners.
    """

    study: OnlineRL
    declared: Sequence[str]

    @property
    def tests(self) -> list[str]:
        """Names of the test sets."""
        return list(self.items.clusters)

    @cached_property
    def tested(self) -> dict[str, list[str]]:
        """The items of each test set by their ids."""
        frame = self.items.frame
        return {on: list(dict.fromkeys(frame["item"][frame["on"] == on])) for on in self.tests}

    def groups(self, on: str = FIRST) -> list[int] | None:
        """The cluster of each item of a test set."""
        return self.items.groups(self.tested[on], on)

    @cached_property
    def _rows(self) -> dict[tuple[str, str], pd.DataFrame]:
        """The rows of each technique and test set, where every seed could fit it."""
        fits = self.items.frame[self.items.frame["seed"] >= 0]
        each = fits.groupby(["technique", "on"], sort=False)
        return {(str(name), str(on)): rows for (name, on), rows in each if rows["seed"].nunique() == self.study.seeds}

    @cached_property
    def names(self) -> list[str]:
        """Techniques that could be fitted by every seed, nulls among them; learners first, as declared."""
        names = dict.fromkeys(name for (name, _), rows in self._rows.items() if (rows["learner"] == "").all())
        return [*(one for one in self.declared if one in names), *(one for one in names if one not in self.declared)]

    @property
    def real(self) -> list[str]:
        """The same without nulls and neighbours."""
        return [name for name in self.names if not is_reference(name)]

    @property
    def learners(self) -> list[str]:
        """Those that learnt from the reward."""
        return [name for name in self.declared if name in self.names]

    def gains(self, name: str, on: str = FIRST, what: str = "reward") -> Gains:
        """By seed and item, what is gained against the bare model: ``reward`` or ``behaviour``."""
        table = self._rows[name, on].pivot_table(index="seed", columns="item", values=COLUMNS[what])
        return table[self.tested[on]].to_numpy(float)

    def gain(self, name: str, on: str = FIRST, what: str = "reward") -> Estimate:
        """Its mean over seeds and items."""
        return two_way(self.gains(name, on, what), groups=self.groups(on))

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Each technique against the bare model, learners with one another, and the first learner with all others."""
        learners = self.learners
        pairs = [(one, other) for place, one in enumerate(learners) for other in learners[place + 1 :]]
        pairs += [(learners[0], name) for name in self.real if learners and name not in learners]
        gains = {(name, on): self.gains(name, on) for name in self.real for on in self.tests}
        groups: dict[str, ArrayLike | None] = {on: self.groups(on) for on in self.tests}
        return compare(gains, pairs, margin=self.study.margin, groups=groups)

    @cached_property
    def choices_only(self) -> set[tuple[str, str]]:
        """Techniques, with the test set, that move the log-odds of given answers and not what is answered."""
        return {
            (one.first, one.on)
            for one in self.comparisons
            if not one.second
            and moves_choices_only(
                self.gains(one.first, one.on, "behaviour"), self.gains(one.first, one.on), one,
                margin=self.study.margin, comparisons=len(self.real), groups=self.groups(one.on),
            )
        }  # fmt: skip

    @cached_property
    def rider(self) -> str:
        """The technique whose vector was put on top of learners; empty for none."""
        return next(iter(self.steered), "")

    @cached_property
    def stacked(self) -> list[VectorOnLearner]:
        """What the vector does on top of each learner."""
        carried = {
            (rows["learner"].iloc[0], rows["vector"].iloc[0]): name
            for (name, on), rows in self._rows.items()
            if on == FIRST and (rows["learner"] != "").all()
        }
        order = [(one, origin) for one in self.learners for origin in ("transferred", "refitted")]
        if self.rider not in self.names:
            return []
        alone = self.gains(self.rider, what="behaviour")
        combinations = []
        for learner, origin in order:
            if name := carried.get((learner, origin)):
                effects, rewards = (
                    self.gains(name, what=what) - self.gains(learner, what=what) for what in ("behaviour", "reward")
                )
                combinations.append(on_top(learner, origin, effects, alone, rewards, groups=self.groups()))
        return combinations

    @property
    def effects_beside_nulls(self) -> dict[str, float]:
        """Mean effect on the behaviour's log-odds."""
        return {name: float(self.gains(name, what="behaviour").mean()) for name in self.names}

    def unchanged(self, name: str) -> int:
        """Under how many seeds a learner kept nothing of its training."""
        return int(self._rows[name, FIRST].groupby("seed")["unchanged"].first().sum())

    @property
    def n(self) -> int:
        """Number of test items like those learnt from."""
        return len(self.tested[FIRST])

    @property
    def sentences(self) -> list[str]:
        """On the items like those learnt from, then on harder ones: rewards, choices, the vector on top, nulls."""
        sentences: list[str] = []
        for on in self.tests:
            here = [one for one in self.comparisons if one.on == on]
            against_bare = [one.sentence for one in here if not one.second and one.first in self.learners]
            sentences += [f"On {on} items:"] if len(self.tests) > 1 else []
            sentences += [*against_bare, *(one.sentence for one in here if one.second)]
        sentences += [
            on_choices(name, on, self.gains(name, on, "behaviour"), self.gains(name, on), groups=self.groups(on))
            for name, on in sorted(self.choices_only)
        ]
        sentences += [one.sentence(self.rider) for one in self.stacked]
        still = [name for name in self.learners if self.unchanged(name) == self.study.seeds]
        sentences += [f"{name} kept nothing of its training under any seed." for name in still]
        return [*sentences, borne(self.null_tests)]

    @property
    def lead(self) -> list[str]:
        """Whether each learner moves the mean reward of items like those it learnt from."""
        here = [one for one in self.comparisons if one.on == FIRST and not one.second]
        return [one.sentence for one in here if one.first in self.learners]

    @property
    def resolved(self) -> bool:
        """Whether any reward is told from another one."""
        return any(one.outcome != "not resolved" for one in self.comparisons)

    @property
    def would_change(self) -> str:
        """What would turn it."""
        if not self.resolved:
            return (
                f"More test items and seeds: here are {len(self.tested[FIRST])} items and {self.study.seeds} seeds; or "
                f"more than {self.study.updates} steps of training, if there is something to learn."
            )
        return (
            "A gain on the other side of zero, or of the margin, on other items or under other seeds; another reward "
            "may be learnt otherwise."
        )

    @property
    def plots(self) -> list[Plot]:
        """The gain of each technique, a figure a test set."""
        return gains_plots(self)

    @property
    def tables(self) -> list[Table]:
        """Gains, comparisons, and the vector on top of learners."""
        return gains_tables(self)
