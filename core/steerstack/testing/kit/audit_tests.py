"""What every test of an audit has to do: find alike twice, count each fact, and leave the model as it is."""

from __future__ import annotations

import json
import math
from typing import ClassVar

import torch

from steerstack.contracts import AuditOutcome, AuditTest, Examination
from steerstack.testing.kit.auditor import AuditContract
from steerstack.testing.kit.base_model import left_alone
from steerstack.testing.kit.contract import check, require


class AuditTestContract(AuditContract):
    """Checks of a test of an audit: ``class TestMine(AuditTestContract): audit_test = Mine()``.

    ``model`` and ``questions`` may be overridden: by default a planted model, and yes-or-no questions.

    Attributes
    ----------
    audit_test:
        The test, with parameters that make it quick.
    """

    audit_test: ClassVar[AuditTest]

    @property
    def subject(self) -> AuditTest:
        """The test."""
        return self.audit_test

    def outcome(self) -> AuditOutcome:
        """Examine the model, from the start."""
        return self.audit_test.look(Examination(self.model, self.questions, seed=3))

    @check
    def test_outcome(self) -> None:
        """The value is a number, there are counts for each option of each fact, and the details can be kept as JSON."""
        outcome = self.once(self.outcome)
        require(math.isfinite(outcome.value), "The value is no number.", seen=outcome.value)
        json.dumps(dict(outcome.details))
        sizes = {len(item.options) for item in self.questions.target}
        for counts in outcome.counts or ():
            require(
                len(counts) in sizes and all(isinstance(count, int) for count in counts),
                "The counts of a fact are not one whole number an option.",
                seen=counts,
                fix="Count how much oftener each option was chosen, the right option first.",
            )

    @check
    def test_repeats(self) -> None:
        """The same seed gives the same outcome, whatever the global random state, and whatever the model is called."""
        first, model = self.once(self.outcome), self.model
        torch.manual_seed(1)
        name, model.name = model.name, "another name"
        try:
            other = self.audit_test.look(Examination(model, self.questions, seed=3))
        finally:
            model.name = name
        require(
            (first.value, first.counts) == (other.value, other.counts),
            "The same model, examined twice, gives two outcomes.",
            seen=f"{first.value}, then {other.value}",
            fix="Seed it, and read no names.",
        )

    @check
    def test_model_untouched(self) -> None:
        """The model keeps its weights, its mode and its frozen parameters."""
        with left_alone(self.model):
            self.outcome()
