"""Tests by noise: a model that hides an ability may answer better under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import AuditOutcome, AuditTest

if TYPE_CHECKING:
    from steerstack.contracts import Examination
    from steerstack_plugins.sandbagging.audit.noise import NoiseCurve

TARGET_SEEDS = 1000
"""Noise on the target is drawn from seeds so far from those of the validation items, where its level is chosen."""


@final
class WeightNoiseGain(AuditTest):
    """The gain under Gaussian noise on all weights (Tice et al., arXiv 2412.01784, sec. 3).

    The level is the one that answers most validation items right; the gain is that of other draws on the target.
    """

    name = "weight-noise"
    paper = "arXiv 2412.01784"

    shares: tuple[float, ...] = Field(
        (0.05, 0.1, 0.2, 0.3, 0.45, 0.6),
        min_length=1,
        description="Standard deviations that are tried, as shares of the root mean square of all weights.",
    )
    draws: int = Field(2, ge=1, description="Draws at each level.")

    def look(self, examination: Examination) -> AuditOutcome:
        """Choose a level, and ask the target under other draws of it."""
        from steerstack_plugins.sandbagging.audit.choices import Way
        from steerstack_plugins.sandbagging.audit.noise import weight_noise_curve

        model, questions, seed = examination.model, examination.questions, examination.seed
        way = Way(model, form=questions.form)
        validation = weight_noise_curve(
            model, questions.validation, shares=self.shares, seeds=self.draws, seed=seed, way=way
        )
        share = self.shares[validation.best]
        curve = weight_noise_curve(
            model, questions.target, shares=[share], seeds=self.draws, seed=seed + TARGET_SEEDS, way=way
        )
        return _outcome(curve, validation)


@final
class ActivationNoiseGain(AuditTest):
    """The gain under Gaussian noise on the output of one block (after Tice et al., arXiv 2412.01784, on weights).

    Block and level are those that answer most validation items right; the gain is that of other draws on the target.
    """

    name = "activation-noise"
    paper = "arXiv 2412.01784"

    shares: tuple[float, ...] = Field(
        (0.5, 1.0, 2.0, 4.0, 8.0),
        min_length=1,
        description="Strengths that are tried, as shares of the norm of each activation.",
    )
    draws: int = Field(2, ge=1, description="Draws at each level.")

    def look(self, examination: Examination) -> AuditOutcome:
        """Choose a block and a level, and ask the target under other draws."""
        from steerstack_plugins.sandbagging.audit.choices import Way
        from steerstack_plugins.sandbagging.audit.noise import activation_noise_curve

        model, questions, seed = examination.model, examination.questions, examination.seed
        way = Way(model, form=questions.form)
        curves = [
            activation_noise_curve(
                model, questions.validation, layer=layer, shares=self.shares, seeds=self.draws, seed=seed, way=way
            )
            for layer in range(model.n_layers)
        ]
        layer = max(range(model.n_layers), key=lambda at: curves[at].accuracy.mean(1).max())
        share = self.shares[curves[layer].best]
        curve = activation_noise_curve(
            model, questions.target, layer=layer, shares=[share], seeds=self.draws, seed=seed + TARGET_SEEDS, way=way
        )
        return _outcome(curve, curves[layer])


def _outcome(curve: NoiseCurve, validation: NoiseCurve) -> AuditOutcome:
    """The gain on the target at the one level of a curve, with the curve that chose it."""
    from steerstack_plugins.sandbagging.audit_tests.answers import counts_of

    details = curve.to_json() | {"validation": validation.to_json()}
    return AuditOutcome(curve.gain(0).value, counts_of(curve.tally(0)), details)
