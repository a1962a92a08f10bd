"""What the items of a study of generalisation say: how far each technique carries from one domain to the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from steerstack.report.words import share
from steerstack.stats import estimates
from steerstack.stats.comparisons import corrected, p_value
from steerstack.stats.estimate import Estimate
from steerstack.stats.ranks import rank_correlation
from steerstack.stats.ratio import ratio_interval
from steerstack.study.generalize.page import generalize_plots, generalize_tables
from steerstack.study.null_test import AboveNull, borne
from steerstack.study.technique_result import TechniqueAnswer
from steerstack.techniques.null_techniques import is_reference

if TYPE_CHECKING:
    from steerstack.report.page import Table
    from steerstack.report.plot import Plot
    from steerstack.study.generalize.study import Generalize


@dataclass(frozen=True)
class Transfer:
    """One technique, trained in either domain and tested in both.

    Attributes
    ----------
    within, across:
        Effect on the target's test items when trained on the target, and when trained on the source.
    at_home:
        Effect on the source's test items when trained on the source.
    recovered:
        Supervision gap recovered: across / within (Hase et al., arXiv 2401.06751, eq. 1).
    anti:
        Share of the target's items that move the wrong way when trained on the source.
    """

    name: str
    within: Estimate
    across: Estimate
    at_home: Estimate
    recovered: Estimate | None
    anti: float

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        return {
            "technique": self.name,
            "within": self.within.to_json(),
            "across": self.across.to_json(),
            "at_home": self.at_home.to_json(),
            "recovered": self.recovered.to_json() if self.recovered else None,
            "anti_steerable_share": self.anti,
        }


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rho with its exact p over n pairs; None for what cannot be computed."""

    rho: float | None
    p: float | None
    n: int


@dataclass(frozen=True)
class GeneralizeAnswer(TechniqueAnswer):
    """Everything that is said of two domains."""

    study: Generalize

    @property
    def source(self) -> str:
        """The domain that is trained on."""
        return next(iter(self.items.clusters))

    @property
    def target(self) -> str:
        """The domain that it is to carry to."""
        return list(self.items.clusters)[1]

    @cached_property
    def tested(self) -> dict[str, list[str]]:
        """The test items of either domain by their ids."""
        frame = self.items.frame
        return {
            name: [] if frame.empty else list(dict.fromkeys(frame["item"][frame["tested"] == name]))
            for name in (self.source, self.target)
        }

    def groups(self, name: str) -> list[int] | None:
        """The cluster of each test item of a domain."""
        return self.items.groups(self.tested[name], name)

    @cached_property
    def _effects(self) -> dict[tuple[str, str, str], NDArray[np.float64]]:
        """Paired effects of the test items by technique, where it was trained, and where it was tested."""
        if self.items.frame.empty:
            return {}
        each = self.items.frame.groupby(["technique", "trained", "tested"], sort=False)
        return {
            (name, trained, tested): rows.set_index("item")["effect"].loc[self.tested[tested]].to_numpy(float)
            for (name, trained, tested), rows in each
        }

    def effect(self, name: str, trained: str, tested: str) -> NDArray[np.float64]:
        """Paired effect of each test item."""
        return self._effects[name, trained, tested]

    @cached_property
    def transfers(self) -> list[Transfer]:
        """Each technique that could be fitted in both domains."""
        source, target = self.source, self.target
        on_target, transfers = self.groups(target), []
        for name in dict.fromkeys(name for name, *_ in self._effects):
            if any((name, domain, target) not in self._effects for domain in (source, target)):
                continue
            within, across = self.effect(name, target, target), self.effect(name, source, target)
            recovered = ratio_interval(across, within, groups=on_target)
            transfers.append(
                Transfer(
                    name,
                    estimates.mean(within, groups=on_target),
                    estimates.mean(across, groups=on_target),
                    estimates.mean(self.effect(name, source, source), groups=self.groups(source)),
                    recovered if math.isfinite(recovered.ci_low) else None,
                    float((across < 0).mean()),
                )
            )
        return transfers

    @property
    def correlation(self) -> RankCorrelation | None:
        """Over techniques, of the effect at home with that across; None below four."""
        real = [t for t in self.transfers if not is_reference(t.name)]
        if len(real) < 4:
            return None
        rho, p = rank_correlation([t.at_home.value for t in real], [t.across.value for t in real])
        return RankCorrelation(estimates.finite(rho), estimates.finite(p), len(real))

    @cached_property
    def corrected(self) -> dict[str, float]:
        """P of each technique's effect across, corrected over the techniques (Holm), by its name."""
        source, target = self.source, self.target
        raw = {t.name: p_value(self.effect(t.name, source, target), groups=self.groups(target)) for t in self.transfers}
        return {name: float(row["p_corrected"]) for name, row in corrected(raw).items()}

    @cached_property
    def against_nulls(self) -> list[AboveNull]:
        """For every technique and null, the paired difference of their effects across."""
        source, target = self.source, self.target
        names = [transfer.name for transfer in self.transfers]
        of = {name: self.effect(name, source, target) for name in names}
        return [
            AboveNull(name, null, estimates.difference(of[name], of[null], groups=self.groups(target)))
            for name in names
            for null in names
            if is_reference(null) and not is_reference(name)
        ]

    @property
    def effects_beside_nulls(self) -> dict[str, float]:
        """Effect on the target when trained on the source."""
        return {transfer.name: transfer.across.value for transfer in self.transfers}

    def _further(self, name: str) -> str:
        place = self.place(name)
        return f" Across, it moves {self.target} further than {place}." if place else ""

    @property
    def _said(self) -> list[str]:
        """A sentence for each technique."""
        return [
            _sentence(transfer, self.source, self.target, self.corrected[transfer.name])
            for transfer in self.transfers
            if not is_reference(transfer.name)
        ]

    @property
    def n(self) -> int:
        """Number of test items of the target."""
        return len(self.tested[self.target])

    @property
    def sentences(self) -> list[str]:
        """How far each technique carries; what the nulls bear."""
        names = [transfer.name for transfer in self.transfers if not is_reference(transfer.name)]
        parts = [said + self._further(name) for said, name in zip(self._said, names, strict=True)]
        return [*parts, borne(self.null_tests)]

    @property
    def lead(self) -> list[str]:
        """How far each technique carries."""
        return self._said

    @property
    def resolved(self) -> bool:
        """Whether any technique that is trained on the target itself does anything there: what could carry over."""
        return any(one.within.bears_claim for one in self.transfers if not is_reference(one.name))

    @property
    def would_change(self) -> str:
        """What would turn it, by how far training on the target itself bears it."""
        if not self.resolved:
            return (
                f"An effect of training on {self.target} itself that can be told from none: more items, or a model "
                "that is moved further. Until then there is nothing that could carry over."
            )
        return (
            f"An effect on {self.target} whose interval lies on the other side of zero, on other items or under "
            "another split; or nulls that carry as far."
        )

    @property
    def plots(self) -> list[Plot]:
        """Effects by where each technique was trained."""
        return generalize_plots(self)

    @property
    def tables(self) -> list[Table]:
        """Transfers, and nulls."""
        return generalize_tables(self)


def _sentence(transfer: Transfer, source: str, target: str, p: float) -> str:
    head = f"{transfer.name}, trained on {source}, moves {target} by {transfer.across} (p = {p:.2g}, Holm)"
    if transfer.recovered is None or not transfer.within.bears_claim:
        return f"{head}; trained on {target} itself it has no measurable effect, so there is nothing to recover."
    gives = f"{share(transfer.recovered)} of what training on {target} gives"
    return f"{head}, {gives} ({transfer.within})."
