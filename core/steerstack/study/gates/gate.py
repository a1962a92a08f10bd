"""One gate: an estimate against a margin that was declared."""

from dataclasses import dataclass
from typing import Literal

from steerstack.report.page import interval
from steerstack.stats.estimate import TOO_FEW, Estimate

Outcome = Literal["passes", "fails", "not resolved"]


@dataclass(frozen=True)
class GateTest:
    """What has to hold, and whether it does.

    Attributes
    ----------
    name, what:
        Its name, and what the estimate is of.
    estimate:
        With its 95 % interval.
    margin, above:
        The estimate has to lie above the margin, or below it.
    """

    name: str
    what: str
    estimate: Estimate
    margin: float
    above: bool = True

    @property
    def outcome(self) -> Outcome:
        """Passes or fails where the whole interval lies on one side of the margin; few items resolve nothing."""
        low, high = self.estimate.ci_low, self.estimate.ci_high
        if self.estimate.n < TOO_FEW or not (low > self.margin or high < self.margin):
            return "not resolved"
        return "passes" if (low > self.margin) == self.above else "fails"

    @property
    def rule(self) -> str:
        """The margin, in words."""
        return f"{'above' if self.above else 'below'} {self.margin:g}"

    @property
    def sentence(self) -> str:
        """In words."""
        verb = "is not resolved" if self.outcome == "not resolved" else self.outcome
        return f"{self.name} {verb}: {self.what} {interval(self.estimate)}, to be {self.rule}."

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        return {
            "gate": self.name,
            "what": self.what,
            "estimate": self.estimate.to_json(),
            "margin": self.margin,
            "rule": self.rule,
            "outcome": self.outcome,
        }


def together(gates: list[GateTest]) -> str:
    """The verdict on all of them: all pass only if each does, which needs no correction for their number."""
    outcomes = [gate.outcome for gate in gates]
    if all(one == "passes" for one in outcomes):
        return "The vector passes every gate."
    failed = [gate.name for gate in gates if gate.outcome == "fails"]
    if failed:
        return f"The vector fails at {', '.join(failed)}."
    return f"Not resolved: {', '.join(gate.name for gate in gates if gate.outcome == 'not resolved')}."
