"""What came out of a study of online reinforcement learning."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from steerstack.contracts.recorder import Effect
from steerstack.data.items import DataSet
from steerstack.data.splits import Splits
from steerstack.measure.competence import Competence
from steerstack.report.page import Page
from steerstack.stats import estimates
from steerstack.stats.estimate import Estimate
from steerstack.stats.learning_curves import two_way
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claims, of_technique
from steerstack.study.fair_choices import Chances, choices_of
from steerstack.study.null_test import tests_json
from steerstack.study.online_rl.answer import FIRST, OnlineRLAnswer
from steerstack.study.online_rl.comparison import Comparison, Gains
from steerstack.study.online_rl.on_top import VectorOnLearner
from steerstack.study.online_rl.page import online_rl_page
from steerstack.study.technique_result import OneSetResult
from steerstack.techniques.technique import Technique
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.study.online_rl.study import OnlineRL


@dataclass(frozen=True, repr=False)
class OnlineRLResult(OneSetResult):
    """Every fit, measured on the same locked test items.

    Attributes
    ----------
    tests:
        Test items by name: those like the ones that were learnt from, and harder ones where they were asked for.
    techniques:
        Learners first, then techniques and nulls.
    n_labelled:
        Labelled items of each seed, for training and choices together.
    bare, fits:
        What was measured of the bare model, and of each technique by each seed.
    rider:
        The technique whose vector was put on top of what learners made; None for none.
    """

    study: OnlineRL
    model: Model
    splits: Splits
    tests: Mapping[str, DataSet]
    techniques: Sequence[Technique]
    n_labelled: int
    bare: Mapping[str, Any]
    fits: Mapping[tuple[str, int], Any]
    competence: Competence
    rider: str | None

    @property
    def tested(self) -> dict[str, DataSet]:
        """Every test set by name."""
        return dict(self.tests)

    @cached_property
    def learners(self) -> list[str]:
        """Names of those that learnt from the reward."""
        return [one.name for one in self.techniques[: len(self.study.learners)]]

    @cached_property
    def names(self) -> list[str]:
        """Techniques that could be fitted by every seed, nulls among them."""
        return [one.name for one in self.techniques if not self._failed(one.name)]

    def _failed(self, name: str) -> bool:
        return any(self.fits[name, seed]["failed"] for seed in range(self.study.seeds))

    def values(self, name: str, on: str, what: str) -> Float[NDArray[np.float64], "seed item"]:
        """What was measured of a technique: ``reward`` or ``behaviour``, by seed and item."""
        return np.array([self.fits[name, seed]["values"][on][what] for seed in range(self.study.seeds)])

    def gains(self, name: str, on: str, what: str = "reward") -> Gains:
        """The same minus the bare model's."""
        return self.values(name, on, what) - np.array(self.bare[on][what])

    def _two_way(self, values: Gains, on: str = FIRST) -> Estimate:
        return two_way(values, groups=self.groups(on))

    @cached_property
    def answer(self) -> OnlineRLAnswer:
        """What the items say."""
        return self.study.answer(self.items)

    @property
    def verdict(self) -> str:
        """The answer in words."""
        return self.answer.verdict

    @property
    def comparisons(self) -> list[Comparison]:
        """Each technique against the bare model, learners with one another, and the first learner with all others."""
        return self.answer.comparisons

    @property
    def choices_only(self) -> set[tuple[str, str]]:
        """Techniques, with the test set, that move the log-odds of given answers and not what is answered."""
        return self.answer.choices_only

    @property
    def stacked(self) -> list[VectorOnLearner]:
        """What the vector does on top of each learner."""
        return self.answer.stacked

    @property
    def failed(self) -> list[str]:
        """What could not be fitted, with the reason."""
        return sorted({f"{name}: {fit['failed']}" for (name, _), fit in self.fits.items() if fit["failed"]})

    @property
    def records(self) -> list[tuple[str, Mapping[str, Any]]]:
        """How each fit that could be made was made."""
        return [(name, fit["record"]) for (name, _), fit in self.fits.items() if not fit["failed"]]

    def _unchanged(self, name: str) -> int:
        return sum(bool(self.fits[name, seed]["record"].get("unchanged")) for seed in range(self.study.seeds))

    def _arm(self, name: str, on: str) -> dict[str, object]:
        fits = [self.fits[name, seed] for seed in range(self.study.seeds)]
        mean = {key: float(np.mean([fit["cost"][key] for fit in fits])) for key in ("parameters", "flops", "seconds")}
        record = fits[0]["record"]
        return {
            "technique": name,
            "on": on,
            "reward": self._two_way(self.values(name, on, "reward"), on).to_json(),
            "reward_gain": self._two_way(self.gains(name, on), on).to_json(),
            "behaviour_gain": self._two_way(self.gains(name, on, "behaviour"), on).to_json(),
            "kl": estimates.mean(np.mean([fit["kl"] for fit in fits], axis=0)).to_json(),
            "choices_only": (name, on) in self.choices_only,
            "labels": record.get("labels", self.n_labelled),
            "rollouts": record.get("rollouts", 0),
            "rollout_tokens": int(np.mean([fit["record"].get("rollout_tokens", 0) for fit in fits])),
            **mean,
            "unchanged": self._unchanged(name),
        }

    def to_json(self) -> dict[str, object]:
        """The file form of ``online-rl --json``."""
        return {
            **self.head,
            "n_test": {name: len(data) for name, data in self.tests.items()},
            "n_labelled": self.n_labelled,
            "reward": {"name": self.study.reward.name, "parameters": self.study.reward.parameters},
            "learners": self.learners,
            "bare": {
                on: {
                    "reward": estimates.mean(of["reward"], groups=self.groups(on)).to_json(),
                    "behaviour": estimates.mean(of["behaviour"], groups=self.groups(on)).to_json(),
                    "best_of_n": {**estimates.mean(of["best"], groups=self.groups(on)).to_json(),
                                  "samples": self.study.samples},
                }
                for on, of in self.bare.items()
            },
            "arms": [self._arm(name, on) for on in self.tests for name in self.names],
            "comparisons": [one.to_json() for one in self.comparisons],
            "stacked": {"vector": self.rider, "on_top": [one.to_json() for one in self.stacked]},
            "null_tests": tests_json(self.answer.null_tests),
            "choices": self.choices,
            "failed": self.failed,
        }  # fmt: skip

    @property
    def choices(self) -> list[Chances]:
        """What each technique tried under the first seed."""
        first = {name: self.fits[name, 0] for name in self.names}
        return choices_of({name: {**fit["record"], **fit["cost"]} for name, fit in first.items()})

    @cached_property
    def vectors(self) -> dict[str, SteeringVector]:
        """The first seed's vector of each technique that is one."""
        vectors = {name: fit["vector"] for (name, seed), fit in self.fits.items() if seed == 0 and fit.get("vector")}
        return {name: SteeringVector.from_json(of, name) for name, of in vectors.items()}

    @property
    def claims(self) -> Claims:
        """The first seed's vectors."""
        arms = [
            of_technique(name, self.techniques, vector, self.fits[name, 0]["record"], data=on,
                         where={"technique": name, "seed": 0, "on": on})
            for name, vector in self.vectors.items()
            for on in self.tests
        ]  # fmt: skip
        one = Claims.of_splits({FIRST: self.splits}, arms, self.study.score)
        return Claims(self.tests, one.trained, one.chosen, arms, self.study.score)

    @property
    def effects(self) -> list[Effect]:
        """What each technique gains in reward, and in the behaviour's log-odds."""
        effects = []
        for on in self.tests:
            after = "" if on == FIRST else f"/{on}"
            for name in self.names:
                for what in ("reward", "behaviour"):
                    of = self._two_way(self.gains(name, on, what), on)
                    effects.append(Effect.of(f"{what}/{name}{after}", of.to_json(), name))
        for one in self.stacked:
            if math.isfinite(one.retained.value):
                role = f"{one.origin} on {one.learner}"
                effects.append(Effect.of(f"retained/{role}", one.retained.to_json(), self.rider or ""))
        return effects

    def page(self) -> Page:
        """Rewards, behaviours and costs of all, then what is compared."""
        return online_rl_page(self)

    def rows(self) -> list[dict[str, object]]:
        """One row an item, seed and technique: log_odds, effect, reward, reward_gain.

        ``learner`` and ``vector`` name, where a vector was put on top of a learner, which learner it was, and whether
        the vector was transferred or refitted. ``unchanged`` says whether a learner kept nothing of its training.
        """
        rows: list[dict[str, object]] = []
        nothing = {"learner": "", "vector": "none", "unchanged": False}
        for on in self.tests:
            rows += self._rows({"technique": "bare", "seed": -1, **nothing}, on, self.bare)
            for (name, seed), fit in self.fits.items():
                if fit["failed"]:
                    continue
                about = {"technique": name, "seed": seed, **nothing}
                rows += self._rows({**about, "unchanged": bool(fit["record"].get("unchanged"))}, on, fit["values"])
                for origin, of in fit.get("on_top", {}).items() if on == FIRST else ():
                    carried = {"technique": f"{self.rider}, {origin}, on {name}", "learner": name, "vector": origin}
                    rows += self._rows({**about, **carried}, on, of)
        return rows

    def _rows(self, about: Mapping[str, object], on: str, values: Mapping[str, Any]) -> list[dict[str, object]]:
        of, bare = values[on], self.bare[on]
        columns = zip(of["behaviour"], bare["behaviour"], of["reward"], bare["reward"], strict=True)
        return [
            {**about, "on": on, "item": item.id, "log_odds": odds, "effect": odds - before, "reward": reward,
             "reward_gain": reward - earned}
            for item, (odds, before, reward, earned) in zip(self.tests[on], columns, strict=True)
        ]  # fmt: skip
