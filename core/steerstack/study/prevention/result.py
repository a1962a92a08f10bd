"""What came out of a study of prevention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from steerstack.contracts.recorder import Effect
from steerstack.data.items import DataSet
from steerstack.data.splits import Splits
from steerstack.measure.competence import Competence
from steerstack.measure.scoring import scale_name
from steerstack.report.page import Page
from steerstack.report.words import sum_up
from steerstack.stats import estimates
from steerstack.stats.correlation import FEWEST, correlation
from steerstack.stats.estimate import TOO_FEW, Estimate
from steerstack.stats.learning_curves import two_way
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claim, Claims
from steerstack.study.prevention.comparison import MeasuredShift, Shifts, nothing_to_prevent, shifts
from steerstack.study.prevention.page import prevention_page
from steerstack.study.result import Result
from steerstack.techniques.selection import Choice
from steerstack.trace.model import Model
from steerstack.util.numbers import signed

if TYPE_CHECKING:
    from steerstack.study.prevention.study import Prevention

BARE, PLAIN, AFTERWARDS, ALONE = "bare", "plain", "steered afterwards", "steered alone"
"""The bare model; the fine-tune with nothing in place; the same under the vector; the bare model under the vector."""

LATER: Literal["kl-then-steer"] = "kl-then-steer"
"""The fine-tune that is prepared for the vector, measured under it."""

ON = ("trait", "skill")

_SUBJECTS = {
    "preventative": "Adding the vector in training",
    "ablate": "Projecting its direction out in training",
    "inoculation": "Asking for the trait in training",
    LATER: "Preparing for the vector in training and steering against the trait afterwards",
    AFTERWARDS: "Steering against the trait afterwards",
}


@dataclass(frozen=True, repr=False)
class PreventionResult(Result):
    """Every fine-tune, measured on the same locked items of trait and skill.

    Attributes
    ----------
    splits:
        The parts of the items of ``trait`` and of ``skill``.
    finetune:
        Name of the fine-tune.
    vector, choice, prompt:
        The trait's vector, its layer and strength, and the system prompt of inoculation.
    n_labelled:
        Items of the trait, and as many of the skill, that each seed drew, with those that epochs are chosen on.
    bare, fits:
        What was measured of the bare model, and of each arm, by share of bad answers and seed.
    pushed:
        By share of bad answers, for each seed, the mean projection of training answers beyond the model's own.
    """

    study: Prevention
    model: Model
    splits: Mapping[str, Splits]
    finetune: str
    vector: SteeringVector
    choice: Choice
    prompt: str | None
    n_labelled: int
    bare: Mapping[str, Any]
    fits: Mapping[tuple[str, float, int], Any]
    pushed: Mapping[float, Sequence[float]]
    competence: Competence

    @property
    def tested(self) -> dict[str, DataSet]:
        """The locked items of trait and skill."""
        return {name: of.test for name, of in self.splits.items()}

    @property
    def arms(self) -> list[str]:
        """Plain training, what was in place, and steering afterwards."""
        return [PLAIN, *self.study.arms, AFTERWARDS]

    def values(self, arm: str, on: str, share: float | None = None) -> Shifts:
        """Log-odds by seed and item."""
        of = self.study.bad if share is None else share
        return np.array([self.fits[arm, of, seed]["plain"][on] for seed in range(self.study.seeds)])

    def moved(self, arm: str, on: str, share: float | None = None) -> Shifts:
        """The same minus the bare model's."""
        return self.values(arm, on, share) - np.array(self.bare["plain"][on])

    @cached_property
    def comparisons(self) -> list[MeasuredShift]:
        """Plain training against the bare model, and all else against plain training; all are one family."""
        gaps = {(PLAIN, BARE, on): self.moved(PLAIN, on) for on in ON}
        for arm in self.arms[1:]:
            gaps |= {(arm, PLAIN, on): self.values(arm, on) - self.values(PLAIN, on) for on in ON}
        groups: dict[str, ArrayLike | None] = {on: self.groups(on) for on in ON}
        return shifts(gaps, margin=self.study.margin, groups=groups)

    @cached_property
    def sets(self) -> list[tuple[float, float, Estimate]]:
        """Of each training set: its share of bad answers, its projection, and the trait's shift by plain training."""
        return [
            (share, float(np.mean(each)), two_way(self.moved(PLAIN, "trait", share), groups=self.groups("trait")))
            for share, each in self.pushed.items()
        ]

    @cached_property
    def foretold(self) -> Estimate | None:
        """The correlation of projection and shift over training sets; None where there was no forecast."""
        return correlation([x for _, x, _ in self.sets], [of.value for *_, of in self.sets]) if self.sets else None

    @property
    def unchanged(self) -> dict[str, int]:
        """By arm, the seeds after which the untrained model was the best on validation items."""
        counts = {
            arm: sum(bool(self.fits[arm, self.study.bad, seed]["unchanged"]) for seed in range(self.study.seeds))
            for arm in self.arms
            if arm != AFTERWARDS
        }
        return {arm: count for arm, count in counts.items() if count}

    @property
    def verdict(self) -> str:
        """What training did to trait and skill, if there was any to prevent, what each arm did, and the forecast."""
        subject = {**_SUBJECTS, PLAIN: f"Plain {self.finetune}"}
        sentences = []
        for arm in self.arms:
            trait, skill = (one for one in self.comparisons if one.arm == arm)
            against = "against the bare model" if arm == PLAIN else "against plain training"
            sentences.append(f"{subject[arm]} {trait.clause} and {skill.clause}, {against}.")
            sentences += [nothing_to_prevent(trait)] if arm == PLAIN else []
        return sum_up([*sentences, self._foretold], min(map(len, self.tested.values())))

    @property
    def _foretold(self) -> str:
        r = self.foretold
        if r is None:
            return ""
        head = (
            f"Over {len(self.sets)} training sets, the projection of their answers on the vector and the trait's shift"
        )
        if not np.isfinite(r.value):
            return f"{head} have no correlation, since one of them does not vary."
        if not np.isfinite(r.ci_low):
            return f"{head} correlate at r = {signed(r.value)}; an interval takes {FEWEST} sets at least."
        tail = "" if r.excludes_zero else ", whose interval includes zero"
        return f"{head} correlate at r = {r}{tail}."

    @property
    def warning(self) -> str | None:
        """What the reader should know of how the model takes the items of the trait."""
        return self.competence.warning(self.study.score)

    @property
    def remarks(self) -> list[str]:
        """What the reader should know of the training."""
        still = [
            f"{arm} kept nothing of its training under {count} of {self.study.seeds} seeds."
            for arm, count in self.unchanged.items()
        ]
        few = [on for on, data in self.tested.items() if len(data) < TOO_FEW]
        return [*still, *(f"There are too few test items of the {on} for a verdict." for on in few)]

    def _arm(self, arm: str, on: str) -> dict[str, object]:
        fits = [self.fits[arm, self.study.bad, seed] for seed in range(self.study.seeds)]
        record = fits[0]["record"]
        return {
            "arm": arm,
            "on": on,
            "log_odds": two_way(self.values(arm, on), groups=self.groups(on)).to_json(),
            "shift": two_way(self.moved(arm, on), groups=self.groups(on)).to_json(),
            "epochs_chosen": [fit["record"].get("epoch_chosen") for fit in fits],
            "training_tokens": record.get("training_tokens"),
            "edited_rows": record.get("edited_rows"),
            **{key: float(np.mean([fit["cost"][key] for fit in fits])) for key in ("parameters", "flops", "seconds")},
        }

    def to_json(self) -> dict[str, object]:
        """The file form of ``prevention --json``."""
        bare = {
            on: {
                name: estimates.mean(self.bare[key][on], groups=self.groups(on)).to_json()
                for name, key in ((BARE, "plain"), (ALONE, "steered"))
            }
            for on in ON
        }
        sets = [{"bad": share, "projection": x, "shift": of.to_json()} for share, x, of in self.sets]
        return {
            "study": self.study.name,
            "behavior": self.behavior,
            "declared": self.study.to_json(),
            "scale": scale_name(self.study.score),
            "data": ", ".join(data.source for data in self.tested.values()),
            "data_digests": {name: of.digests for name, of in self.splits.items()},
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "paths": self.model.paths_taken,
            "clusters": self.clusters_json,
            "competence": self.competence.to_json(),
            "finetune": self.finetune,
            "selected": self.choice.to_json(),
            "prompt": self.prompt,
            "n_labelled": self.n_labelled,
            "n_test": {name: len(data) for name, data in self.tested.items()},
            "bare": bare,
            "arms": [self._arm(arm, on) for on in ON for arm in self.arms],
            "comparisons": [one.to_json() for one in self.comparisons],
            "forecast": {"sets": sets, "r": self.foretold and self.foretold.to_json()},
            "unchanged": self.unchanged,
            "verdict": self.verdict,
        }

    @property
    def effects(self) -> list[Effect]:
        """The vector alone, each arm against what it is held against, and the forecast's correlation."""
        effects = []
        for on in ON:
            alone = np.array(self.bare["steered"][on]) - np.array(self.bare["plain"][on])
            of = estimates.mean(alone, groups=self.groups(on))
            effects.append(Effect.of(f"{on}/{ALONE}", of.to_json(), self.study.method.name))
        effects += [Effect.of(f"{one.on}/{one.arm}", one.gap.to_json(), one.arm) for one in self.comparisons]
        if self.foretold is not None and np.isfinite(self.foretold.value):
            effects.append(Effect.of("forecast/r", self.foretold.to_json(), "forecast"))
        return effects

    @property
    def vectors(self) -> dict[str, SteeringVector]:
        """The trait's vector, by its method."""
        return {self.study.method.name: self.vector}

    @property
    def claims(self) -> Claims:
        """The vector on the bare model."""
        chosen, tokens = self.choice.candidate, self.study.tokens
        arms = [Claim({"arm": ALONE, "on": on}, on, self.vector, chosen.layers, -chosen.scale, tokens) for on in ON]
        return Claims.of_splits(self.splits, arms, self.study.score)

    def page(self) -> Page:
        """Trait and skill of all arms, what is compared, and the forecast."""
        return prevention_page(self)

    def rows(self) -> list[dict[str, object]]:
        """One row an item, arm, share of bad answers and seed: log_odds, effect (against the bare model)."""
        rows: list[dict[str, object]] = []

        def add(arm: str, share: float, seed: int, odds_on: Mapping[str, Sequence[float]]) -> None:
            for on, data in self.tested.items():
                rows.extend(
                    {"arm": arm, "bad": share, "seed": seed, "on": on, "item": item.id, "log_odds": odds,
                     "effect": odds - base}
                    for item, odds, base in zip(data, odds_on[on], self.bare["plain"][on], strict=True)
                )  # fmt: skip

        add(BARE, 0.0, -1, self.bare["plain"])
        add(ALONE, 0.0, -1, self.bare["steered"])
        for (arm, share, seed), fit in self.fits.items():
            add(arm, share, seed, fit["plain"])
        return rows
