"""Gates: which of them a vector passes at the strength that was chosen before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from steerstack.contracts.recorder import Effect
from steerstack.report.page import Page, Table, interval
from steerstack.report.samples import Samples, samples_tables
from steerstack.report.words import sum_up
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claim, Claims
from steerstack.study.gates.conditions import PLAIN
from steerstack.study.gates.gate import GateTest, together
from steerstack.study.plain_result import PlainResult
from steerstack.study.session import Session
from steerstack.techniques.selection import Choice

if TYPE_CHECKING:
    from steerstack.run.arms import Request
    from steerstack.study.gates.study import Gates


@dataclass(frozen=True, repr=False)
class GatesResult(PlainResult):
    """Every gate, with what was measured for it.

    Attributes
    ----------
    gates:
        In order: control, utility, then each condition.
    vector, choice:
        What was found on the training items, and the layer and strength chosen on validation.
    samples:
        What the model says to the first test items, unsteered and steered.
    """

    gates: Sequence[GateTest] = ()
    vector: SteeringVector | None = None
    choice: Choice | None = None
    samples: Samples | None = None

    @classmethod
    def made(
        cls, study: Gates, session: Session, requests: Mapping[str, Request], values: Mapping[str, Any],
        gates: Sequence[GateTest], vector: SteeringVector, choice: Choice, samples: Samples | None,
    ) -> GatesResult:  # fmt: skip
        """From what the steps gave."""
        effects = [Effect.of(gate.name, gate.estimate.to_json(), study.method.name) for gate in gates]
        plain = PlainResult.of(study, session, requests, values, effects)
        return cls(**vars(plain), gates=gates, vector=vector, choice=choice, samples=samples)

    @property
    def verdict(self) -> str:
        """Whether it passes every gate, then each in a sentence."""
        sentences = [together(list(self.gates)), *(gate.sentence for gate in self.gates)]
        return sum_up(sentences, len(self.tested[PLAIN]))

    @property
    def vectors(self) -> dict[str, SteeringVector]:
        """The vector, by its method."""
        assert self.vector is not None
        return {self.effects[0].role: self.vector}

    @property
    def claims(self) -> Claims:
        """The vector on the plain test items."""
        assert self.choice is not None
        candidate, tokens = self.choice.candidate, self.study.tokens
        arm = Claim({"step": PLAIN, "arm": "steered"}, PLAIN, self.vector, candidate.layers, candidate.scale, tokens)
        return Claims(self.tested, arms=[arm], score=self.study.score)

    def to_json(self) -> dict[str, object]:
        """The file form of ``gates --json``."""
        assert self.choice is not None
        return {
            **super().to_json(),
            "selected": self.choice.to_json(),
            "gates": [gate.to_json() for gate in self.gates],
            "samples": self.samples or {},
        }

    def page(self) -> Page:
        """The gates as a table, above the effects."""
        rows = [[g.name, g.what, interval(g.estimate), g.rule, g.outcome] for g in self.gates]
        table = Table(
            "Gates", ["gate", "of", "estimate and 95 % interval", "margin", "outcome"], rows,
            "A gate passes or fails where the whole interval lies on one side of its margin. All pass only if each "
            "does, so their number needs no correction.",
        )  # fmt: skip
        page = super().page()
        methods = f"{page.methods} Layer and strength were chosen on validation items and frozen before the test."
        return replace(page, tables=[table, *samples_tables(self.samples), *page.tables], methods=methods)
