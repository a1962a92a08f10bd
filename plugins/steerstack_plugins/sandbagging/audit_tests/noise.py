"""Tests by noise: a model that hides an ability may answer better under it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import AuditOutcome, AuditTest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.contracts import Examination
    from steerstack.data.items import Item
    from steerstack.trace.model import Model
    from steerstack_plugins.sandbagging.audit.noise import NoiseCurve

TARGET_SEEDS = 1000
"""Noise on the target is drawn from seeds so far from those of the validation items, where its level is chosen."""


class NoiseGain(AuditTest):
    """The gain under noise of a place and a level that answer most validation items right, by other draws of it."""

    paper = "arXiv 2412.01784"

    draws: int = Field(2, ge=1, description="Draws at each level.")

    @property
    @abstractmethod
    def levels(self) -> tuple[float, ...]:
        """Strengths that are tried."""

    @abstractmethod
    def places(self, model: Model) -> Sequence[int]:
        """Where noise may be added."""

    @abstractmethod
    def curve(
        self, examination: Examination, items: Sequence[Item], place: int, levels: Sequence[float], seed: int
    ) -> NoiseCurve:
        """The answers under noise at one place."""

    def look(self, examination: Examination) -> AuditOutcome:
        """Choose a place and a level, and ask the target under other draws."""
        from steerstack_plugins.sandbagging.audit_tests.answers import counts_of

        questions, seed = examination.questions, examination.seed
        curves = {
            place: self.curve(examination, questions.validation, place, self.levels, seed)
            for place in self.places(examination.model)
        }
        place = max(curves, key=lambda at: curves[at].accuracy.mean(1).max())
        level = self.levels[curves[place].best]
        curve = self.curve(examination, questions.target, place, [level], seed + TARGET_SEEDS)
        details = curve.to_json() | {"validation": curves[place].to_json()}
        return AuditOutcome(curve.gain(0).value, counts_of(curve.tally(0)), details)


@final
class WeightNoiseGain(NoiseGain):
    """The gain under Gaussian noise on all weights (Tice et al., arXiv 2412.01784, sec. 3).

    The level is the one that answers most validation items right; the gain is that of other draws on the target.
    """

    name = "weight-noise"

    shares: tuple[float, ...] = Field(
        (0.05, 0.1, 0.2, 0.3, 0.45, 0.6),
        min_length=1,
        description="Standard deviations that are tried, as shares of the root mean square of all weights.",
    )

    @property
    def levels(self) -> tuple[float, ...]:
        """The shares."""
        return self.shares

    def places(self, model: Model) -> Sequence[int]:
        """All weights at once."""
        return (0,)

    def curve(
        self, examination: Examination, items: Sequence[Item], place: int, levels: Sequence[float], seed: int
    ) -> NoiseCurve:
        """The answers under noise on all weights."""
        from steerstack_plugins.sandbagging.audit.choices import Way
        from steerstack_plugins.sandbagging.audit.noise import weight_noise_curve

        way = Way(examination.model, form=examination.questions.form)
        return weight_noise_curve(examination.model, items, shares=levels, seeds=self.draws, seed=seed, way=way)


@final
class ActivationNoiseGain(NoiseGain):
    """The gain under Gaussian noise on the output of one block (after Tice et al., arXiv 2412.01784, on weights).

    Block and level are those that answer most validation items right; the gain is that of other draws on the target.
    """

    name = "activation-noise"

    shares: tuple[float, ...] = Field(
        (0.5, 1.0, 2.0, 4.0, 8.0),
        min_length=1,
        description="Strengths that are tried, as shares of the norm of each activation.",
    )

    @property
    def levels(self) -> tuple[float, ...]:
        """The shares."""
        return self.shares

    def places(self, model: Model) -> Sequence[int]:
        """Every block."""
        return range(model.n_layers)

    def curve(
        self, examination: Examination, items: Sequence[Item], place: int, levels: Sequence[float], seed: int
    ) -> NoiseCurve:
        """The answers under noise on the output of a block."""
        from steerstack_plugins.sandbagging.audit.choices import Way
        from steerstack_plugins.sandbagging.audit.noise import activation_noise_curve

        way = Way(examination.model, form=examination.questions.form)
        return activation_noise_curve(
            examination.model, items, layer=place, shares=levels, seeds=self.draws, seed=seed, way=way
        )
