"""What the items of a study of wrong labels say: what is kept of each effect, and whether the error was learnt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from steerstack.stats.estimate import Estimate
from steerstack.stats.learning_curves import two_way
from steerstack.study.label_errors.cell import TRUE, Effects, LabelCell, cell
from steerstack.study.label_errors.page import label_errors_plots, label_errors_tables
from steerstack.study.null_test import borne
from steerstack.study.technique_result import OneSetAnswer
from steerstack.techniques.null_techniques import is_reference

if TYPE_CHECKING:
    from steerstack.report.page import Table
    from steerstack.report.plot import Plot
    from steerstack.study.label_errors.study import LabelErrors


@dataclass(frozen=True)
class WrongLabels:
    """The labels that one labeller gave at one share of wrong ones, as far as results are told by them.

    Attributes
    ----------
    labeller, asked, share:
        Who, the share of wrong labels that was asked for, and the one that there was.
    short:
        Whether under no seed as many were wrong as were asked for.
    errs_on:
        Of each test item, whether it is of the kind that the labeller gets wrong.
    """

    labeller: str
    asked: float
    share: float
    short: bool
    errs_on: Bool[NDArray[np.bool_], " item"]


@dataclass(frozen=True)
class LabelErrorsAnswer(OneSetAnswer):
    """Everything that is said of wrong labels."""

    study: LabelErrors

    @cached_property
    def _effects(self) -> dict[tuple[str, str, float], Effects]:
        """Effects [seed, item] by technique, labeller and share asked for; of techniques that every seed could fit."""
        frame = self.items.frame
        if frame.empty:
            return {}
        effects = {
            (name, by, asked): rows.pivot_table(index="seed", columns="item", values="effect")[self.tested].to_numpy()
            for (name, by, asked), rows in frame.groupby(["technique", "labeller", "noise"], sort=False)
        }
        draws = {key[1:] for key in effects}
        complete = {key for key, of in effects.items() if len(of) == self.study.seeds}
        fitted = {
            name
            for name, *_ in effects
            if all((name, *draw) in complete for draw in ([(TRUE, 0.0)] if is_reference(name) else draws))
        }
        return {key: of for key, of in effects.items() if key[0] in fitted}

    @cached_property
    def labels(self) -> list[WrongLabels]:
        """What each labeller gave at each share."""
        labels = []
        for (by, asked), rows in self.items.frame.groupby(["labeller", "noise"], sort=False):
            if by == TRUE:
                continue
            seeds = rows.drop_duplicates("seed")
            short = not (seeds["wrong"] >= (asked * seeds["n"]).round()).any()
            errs = rows.drop_duplicates("item").set_index("item")["errs"].loc[self.tested].to_numpy(bool)
            labels.append(WrongLabels(by, asked, float((seeds["wrong"] / seeds["n"]).mean()), short, errs))
        return labels

    @cached_property
    def _true(self) -> dict[str, Effects]:
        """Effects on true labels, by technique."""
        return {name: of for (name, by, _), of in self._effects.items() if by == TRUE}

    @cached_property
    def on_true_labels(self) -> dict[str, Estimate]:
        """Each technique's effect on true labels, over seeds and items."""
        return {name: two_way(of, groups=self.groups) for name, of in self._true.items()}

    @cached_property
    def cells(self) -> list[LabelCell]:
        """Every technique under the labels of every labeller, at every share."""
        true = {name: of for name, of in self._true.items() if not is_reference(name)}
        comparisons = max(1, len(true) * len({of.labeller for of in self.labels}))
        return [
            cell(
                name, of.labeller, of.asked, of.share, mistaken=self._effects[name, of.labeller, of.asked],
                true=effects, errs_on=of.errs_on, margin=self.study.margin, comparisons=comparisons,
                groups=self.groups,
            )
            for name, effects in true.items()
            for of in self.labels
        ]  # fmt: skip

    @property
    def at_worst(self) -> list[LabelCell]:
        """Of each technique and labeller, the cell with the largest share of wrong labels."""
        cells = {(one.technique, one.labeller): one for one in sorted(self.cells, key=lambda one: one.share)}
        return [one for one in self.cells if cells[one.technique, one.labeller] is one]

    @property
    def effects_beside_nulls(self) -> dict[str, float]:
        """Mean effect on true labels."""
        return {name: float(of.mean()) for name, of in self._true.items()}

    @property
    def fell_short(self) -> list[str]:
        """Labellers that err on fewer items than were to be wrong, as sentences."""
        return [
            f"{of.labeller} gets no more than {of.share:.0%} of the labels wrong; {of.asked:.0%} were asked for."
            for of in self.labels
            if of.short
        ]

    @property
    def sentences(self) -> list[str]:
        """What the worst labels leave of each effect; what labellers fell short of; what the nulls bear."""
        worst = [one.sentence for one in self.at_worst]
        return [*worst, *self.fell_short, borne(self.null_tests)]

    @property
    def lead(self) -> list[str]:
        """What the worst labels leave of each effect."""
        return [one.sentence for one in self.at_worst]

    @property
    def resolved(self) -> bool:
        """Whether true labels give an effect of which a share can be lost."""
        return any(math.isfinite(one.recovered.ci_low) for one in self.cells)

    @property
    def would_change(self) -> str:
        """What would turn it, by how far true labels bear it."""
        if not self.resolved:
            return (
                "An effect of true labels that can be told from none: more items, or a model that a vector moves "
                "further. Until then no share of it can be lost."
            )
        return (
            f"An interval of the share that is kept which leaves {1 - self.study.margin:.0%} on its other side: other "
            "items of the same kind, other draws of labels, or another labeller at the same share."
        )

    @property
    def plots(self) -> list[Plot]:
        """Effects against the share of wrong labels, a figure a labeller."""
        return label_errors_plots(self)

    @property
    def tables(self) -> list[Table]:
        """Every cell, the effects of true labels, and the labellers."""
        return label_errors_tables(self)
