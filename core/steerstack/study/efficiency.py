"""Sample efficiency: what does each technique reach with n labelled items, and with wrong labels among them?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from steerstack.asking import ScoreMode
from steerstack.data import DataSet
from steerstack.splits import Splits, split
from steerstack.study import stats
from steerstack.study.claims import Claims, of_technique
from steerstack.study.competence import Competence, check_competence
from steerstack.study.curves import Curve, Effects, crossing, curve
from steerstack.study.fitted_step import Fit, Measured, fit_and_measure, unsteered
from steerstack.study.ledger import Ledger
from steerstack.study.roles import with_items
from steerstack.study.scoring import scale_name
from steerstack.study.subsets import subset
from steerstack.study.techniques import Technique, check_techniques
from steerstack.study.unrelated import is_null
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector
from steerstack.workers.crew import Crew


@dataclass(frozen=True)
class Efficiency:
    """A study of sample efficiency, declared before it is run.

    Attributes
    ----------
    behavior, score:
        The behaviour, and how items are scored.
    sizes:
        Numbers of labelled items; choices of layer, strength and epochs are made within them.
    seeds:
        Number of seeds: each is another nested order of the training items.
    noise:
        Shares of flipped labels; 0 is the clean curve.
    seed, limit:
        Of the split, and the number of items used (None for all).
    """

    behavior: str
    score: ScoreMode = "text"
    sizes: tuple[int, ...] = (4, 16, 64)
    seeds: int = 5
    noise: tuple[float, ...] = (0.0,)
    seed: int = 0
    limit: int | None = None


@dataclass(frozen=True)
class EfficiencyResult:
    """Every fit, measured on the same locked test items."""

    study: Efficiency
    model: Model
    splits: Splits
    techniques: Sequence[Technique]
    base: Any
    fits: dict[tuple[str, float, int, int], Measured]
    competence: Competence
    about: dict[str, Any] = field(default_factory=dict)

    def sizes(self, name: str, noise: float) -> tuple[int, ...]:
        """Sizes at which a technique could be fitted by every seed."""
        seeds = range(self.study.seeds)
        return tuple(n for n in self.study.sizes if not any(self.fits[name, noise, n, s].failed for s in seeds))

    def effects(self, name: str, noise: float, sizes: Sequence[int]) -> Effects:
        """Paired effects [size, seed, item]."""
        return np.array(
            [[self.fits[name, noise, n, s].values["test"] - self.base for s in range(self.study.seeds)] for n in sizes]
        )

    @cached_property
    def curves(self) -> dict[tuple[str, float], Curve]:
        """The curve of each technique at each share of flipped labels."""
        found = {}
        for technique in self.techniques:
            for noise in self.study.noise:
                sizes = self.sizes(technique.name, noise)
                if sizes:
                    found[technique.name, noise] = curve(sizes, self.effects(technique.name, noise, sizes))
        return found

    @cached_property
    def crossings(self) -> list[dict[str, Any]]:
        """For every pair of techniques, where the second overtakes the first, on clean labels."""
        found, noise = [], self.study.noise[0]
        names = [t.name for t in self.techniques if (t.name, noise) in self.curves and not is_null(t.name)]
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                sizes = tuple(n for n in self.sizes(first, noise) if n in self.sizes(second, noise))
                if sizes:
                    both = (self.effects(name, noise, sizes) for name in (first, second))
                    found.append({"first": first, "second": second, **crossing(sizes, *both)})
        return found

    @cached_property
    def against_nulls(self) -> list[dict[str, Any]]:
        """For every technique and null, the difference of their areas on clean labels, paired by seed and item."""
        noise = self.study.noise[0]
        names = [t.name for t in self.techniques if (t.name, noise) in self.curves]
        found = []
        for name, null in ((a, b) for a in names for b in names if is_null(b) and not is_null(a)):
            sizes = tuple(n for n in self.sizes(name, noise) if n in self.sizes(null, noise))
            if sizes:
                gap = curve(sizes, self.effects(name, noise, sizes) - self.effects(null, noise, sizes)).area
                found.append({"technique": name, "null": null, "area_above": gap.to_json(), "above": gap.ci_low > 0})
        return found

    def _above(self, name: str) -> str:
        mine = [entry["above"] for entry in self.against_nulls if entry["technique"] == name]
        return f", above {sum(mine)} of {len(mine)} nulls" if mine else ""

    def verdict(self) -> str:
        """The answer in words."""
        noise = self.study.noise[0]
        areas = {name: c.area for (name, at), c in self.curves.items() if at == noise}
        ranked = sorted(areas, key=lambda name: -areas[name].value)
        lines = [
            f"{name}: mean effect over the sizes {areas[name]}"
            + ("" if areas[name].excludes_zero else ", not told from none")
            + self._above(name)
            for name in ranked
        ]
        for entry in self.crossings:
            first, second, ahead = entry["first"], entry["second"], entry["ahead"]
            if entry["n"] is not None:
                interval = f"[{entry['ci_low']:.3g}, {entry['ci_high']:.3g}]"
                lines.append(
                    f"{second} overtakes {first} at about n = {entry['n']:.3g} {interval} "
                    f"(in {entry['share_crossing']:.0%} of resamplings)"
                )
            elif ahead["smallest"] == ahead["largest"]:
                leader = first if ahead["largest"] == "first" else second
                lines.append(f"{leader} is ahead of {second if leader == first else first} at both ends of the sizes")
        return ". ".join(lines) + "."

    def to_json(self) -> dict[str, Any]:
        """The file form of ``efficiency --json``."""
        return {
            "study": "efficiency",
            "behavior": self.study.behavior,
            "declared": {**vars(self.study), "techniques": [t.describe() for t in self.techniques]},
            "scale": scale_name(self.study.score),
            "n_test": len(self.splits.test),
            "data": self.splits.test.source,
            "data_digests": self.splits.digests,
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "unsteered": stats.mean(self.base).to_json(),
            "curves": [{"technique": name, "noise": noise, **c.to_json()} for (name, noise), c in self.curves.items()],
            "crossings": self.crossings,
            "against_nulls": self.against_nulls,
            "costs": self._costs(),
            "failed": sorted(
                {f"{key[0]} at n = {key[2]}: {fit.failed}" for key, fit in self.fits.items() if fit.failed}
            ),
            "competence": self.competence.to_json(),
            "warning": self.competence.warning(self.study.score),
            "papers": {technique.name: technique.paper for technique in self.techniques},
            "verdict": self.verdict(),
            **self.about,
        }

    def _costs(self) -> list[dict[str, Any]]:
        return [
            {
                "technique": name,
                "noise": noise,
                "n": n,
                **{what: float(np.mean([self.fits[name, noise, n, s].cost[what] for s in range(self.study.seeds)]))
                   for what in ("parameters", "seconds", "flops", "context_tokens")},
            }
            for (name, noise), c in self.curves.items()
            for n in c.sizes
        ]  # fmt: skip

    @property
    def vectors(self) -> dict[str, SteeringVector]:
        """The first seed's vector at each size, of each technique that is one, by role; the largest sizes first."""
        first = sorted(((n, name, noise, fit) for (name, noise, n, seed), fit in self.fits.items() if seed == 0),
                       key=lambda entry: -entry[0])  # fmt: skip
        return {with_items(name, n, noise): fit.vector for n, name, noise, fit in first if fit.vector}

    @property
    def claims(self) -> Claims:
        """The first seed's vectors at each size."""
        arms = [
            of_technique(name, self.techniques, fit.vector, fit.record,
                         where={"technique": name, "noise": noise, "n": n, "seed": 0})
            for (name, noise, n, seed), fit in self.fits.items()
            if seed == 0 and fit.vector
        ]  # fmt: skip
        return Claims.of_splits({"test": self.splits}, arms, self.study.score)

    def frame(self) -> list[dict[str, Any]]:
        """One row an item and fit: technique, noise, n, seed, item, log_odds, effect."""
        ids, base = [item.id for item in self.splits.test], self.base.tolist()
        rows = []
        for (name, noise, n, seed), fit in self.fits.items():
            about = {"technique": name, "noise": noise, "n": n, "seed": seed}
            for item, value, bare in zip(ids, fit.values.get("test", np.array([])).tolist(), base, strict=False):
                rows.append({**about, "item": item, "log_odds": value, "effect": value - bare})
        return rows


def run_efficiency(
    study: Efficiency,
    model: Model,
    data: DataSet,
    techniques: Sequence[Technique],
    *,
    folder: Path,
    crew: Crew | None = None,
    on_step: Callable[[str], None] = lambda _: None,
    advance: Callable[[str, int], None] = lambda _what, _done: None,
) -> EfficiencyResult:
    """Run the study, or go on with one that was stopped.

    Parameters
    ----------
    study, model, data, techniques:
        What is declared.
    folder:
        Where finished fits are kept; the same folder resumes.
    crew:
        Workers that do the fits; None to do them here.
    on_step, advance:
        Progress.

    Raises
    ------
    StudyError
        There are fewer training items than the largest size asks for.
    """
    check_techniques(model, techniques, [data])
    splits = split(data.limit(study.limit), seed=study.seed)
    check_sizes(study.sizes, splits)
    ledger = Ledger(folder, crew)
    competence = check_competence(model, splits.validation)
    tests = {"test": splits.test}
    base = unsteered(ledger, model, tests, study.score)["test"]
    todo: dict[tuple[str, float, int, int], Fit] = {}
    for technique in techniques:
        for noise in study.noise:
            for n in study.sizes:
                for seed in range(study.seeds):
                    part = subset(splits, n, seed=seed, noise=noise)
                    what = f"{technique.name}, n = {n}, {noise:.0%} flipped, seed {seed}"
                    todo[technique.name, noise, n, seed] = Fit(
                        what, technique, part.train, part.validation, tests, study.score, seed
                    )
    found = fit_and_measure(
        ledger, list(todo.values()), model, on_step=on_step, progress=lambda done: advance("fits", done)
    )
    fits = dict(zip(todo, found, strict=True))
    return EfficiencyResult(study, model, splits, techniques, base, fits, competence)


def check_sizes(sizes: Sequence[int], splits: Splits) -> None:
    """Refuse sizes that the data cannot fill."""
    from steerstack.errors import StudyError

    have = len(splits.train) + len(splits.validation)
    if not sizes or min(sizes) < 1 or list(sizes) != sorted(set(sizes)) or max(sizes) > have:
        raise StudyError(
            f"The sizes {', '.join(map(str, sizes)) or 'given'} cannot be drawn.",
            seen=f"{have} items for training and choices, {len(splits.test)} locked for the test",
            fix=f"Give ascending sizes from 1 to {have}.",
        )
