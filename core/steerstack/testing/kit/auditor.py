"""What every auditor has to do: judge alike twice, use no more than it was given, and leave the model as it is."""

from __future__ import annotations

import json
from typing import ClassVar

import torch

from steerstack.contracts import Auditor, Opinion, Questions
from steerstack.testing.kit.base_model import left_alone
from steerstack.testing.kit.contract import check, require
from steerstack.testing.kit.method import MethodContract
from steerstack.testing.planted import planted_data, planted_model
from steerstack.trace.model import Model


class AuditContract(MethodContract):
    """What is audited: a planted model, and yes-or-no questions, unless they are overridden."""

    @property
    def model(self) -> Model:
        """The model under audit."""
        return planted_model()

    @property
    def questions(self) -> Questions:
        """What it may ask and show."""
        target, control, train, validation = (planted_data(8, first=8 * part).items for part in range(4))
        return Questions(target, control, train, validation)


class AuditorContract(AuditContract):
    """Checks of an auditor: ``class TestMine(AuditorContract): auditor = Mine()``.

    ``model`` and ``questions`` may be overridden: by default a planted model, and yes-or-no questions.

    Attributes
    ----------
    auditor:
        The auditor, with parameters that make it quick.
    """

    auditor: ClassVar[Auditor]

    @property
    def subject(self) -> Auditor:
        """The auditor."""
        return self.auditor

    def opinion(self) -> Opinion:
        """Judge the model."""
        return self.auditor.judge(self.model, self.questions, seed=3)

    @check
    def test_opinion(self) -> None:
        """It used no more right answers than it was given, and its details can be kept as JSON."""
        opinion, count = self.opinion(), self.questions.labels
        require(
            0 <= opinion.labels <= count, "It counts labels that it did not have.", seen=f"{opinion.labels} of {count}"
        )
        json.dumps(dict(opinion.details))

    @check
    def test_repeats(self) -> None:
        """The same seed gives the same opinion, whatever the global random state, and whatever the model is called."""
        torch.manual_seed(0)
        one, model = self.opinion(), self.model
        torch.manual_seed(1)
        name, model.name = model.name, "another name"
        try:
            other = self.auditor.judge(model, self.questions, seed=3)
        finally:
            model.name = name
        same = (one.probability, one.sandbags) == (other.probability, other.sandbags)
        evidence = f"{one.probability}, then {other.probability}"
        require(
            same, "The same model, judged twice, gets two opinions.", seen=evidence, fix="Seed it, and read no names."
        )

    @check
    def test_model_untouched(self) -> None:
        """The model keeps its weights, its mode and its frozen parameters."""
        with left_alone(self.model):
            self.opinion()
