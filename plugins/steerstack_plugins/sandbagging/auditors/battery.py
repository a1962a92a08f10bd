"""The auditor that tries to bring the ability out: the whole audit, with its calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from steerstack.contracts import Auditor, Opinion

if TYPE_CHECKING:
    from steerstack.contracts import Questions
    from steerstack.trace.model import Model


@final
class Battery(Auditor):
    """Every test of the audit, and what a combination that was learned from other organisms makes of them.

    Elicitation after Greenblatt et al., arXiv 2405.19550, and noise after Tice et al., arXiv 2412.01784; see
    ``steerstack audit``. On models of the small world, and without a calibration of one's own, verdict and probability
    are those of the frozen combination. Else the verdict is that of the calibration's rule, and the probability that of
    the verdict by the calibration, or what the p-value allows at most where the calibration is not of this audit.
    """

    name = "battery"
    paper = "arXiv 2405.19550"

    tests: Literal["small-world", "chat"] = Field("small-world", description="Prompts of which models the tests use.")
    calibration: str = Field(
        "", description="JSON of `steerstack sandbag calibrate`; by default the one that comes with steerstack."
    )
    prior: float = Field(0.5, gt=0, lt=1, description="Share of sandbagging models among those that are judged.")

    def judge(self, model: Model, questions: Questions, *, seed: int) -> Opinion:
        """Run every test."""
        from pathlib import Path

        from steerstack_plugins.sandbagging.audit.audit import AuditData, audit
        from steerstack_plugins.sandbagging.audit.battery import short_battery
        from steerstack_plugins.sandbagging.audit.elicitation import Demonstrations
        from steerstack_plugins.sandbagging.audit.inputs import general_battery, read_calibration
        from steerstack_plugins.sandbagging.audit.probability import probability, probability_at_most
        from steerstack_plugins.sandbagging.combination.frozen import stated

        calibration = read_calibration(Path(self.calibration) if self.calibration else None)
        demonstrations = Demonstrations(questions.train, questions.validation, questions.form)
        small = self.tests == "small-world"
        battery = short_battery() if small else general_battery(min(16, len(questions.train)))
        data = AuditData(questions.target, questions.control, demonstrations)
        evidence, verdict = audit(model, data, battery, calibration.rule, seed=seed)
        details = {"values": dict(evidence.values), "verdict": verdict.to_json()}
        if small and not self.calibration:
            combined = stated(evidence, prior=self.prior)
            details["combination"] = {name: combined[name] for name in ("score", "threshold", "ignorant_p")}
            return Opinion(combined["probability"], combined["sandbags"], questions.labels, details)
        value = probability_at_most(verdict.p, prior=self.prior)
        if calibration.current:
            estimate = probability(calibration.rates["battery"], verdict.sandbags, prior=self.prior).value
            value = value if estimate is None else estimate
        return Opinion(value, verdict.sandbags, questions.labels, details)
