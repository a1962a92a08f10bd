"""Arm: one experimental condition, which is a model, what stands before a question, and what is edited on the way."""

from dataclasses import dataclass, field, replace
from typing import Any

from steerstack.data.questions import Shots
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model

BARE = "none"
"""Name of the fine-tune of a model that was not fine-tuned."""


@dataclass(frozen=True)
class Arm:
    """One experimental condition.

    Attributes
    ----------
    model:
        What runs, fine-tuned where ``finetune`` says so.
    plan:
        What is edited on the way; empty for nothing.
    system, shots:
        The system prompt before every question, and the demonstrations.
    finetune:
        Name of the fine-tune that made the model; ``none`` for the model as it was given.
    label:
        What tables and plots call the arm.
    """

    model: Model
    plan: Plan = field(default_factory=Plan)
    system: str | None = None
    shots: Shots = ()
    finetune: str = BARE
    label: str = ""

    @property
    def key(self) -> list[Any]:
        """JSON of everything that decides what the arm does; the label is not part of it."""
        return [self.model.fingerprint, self.system, self.shots, self.plan.fingerprint]

    def under(self, plan: Plan, label: str = "") -> "Arm":
        """The same condition with another plan."""
        return replace(self, plan=plan, label=label or self.label)

    def __repr__(self) -> str:
        parts = [f"on {self.model.name}", f"{len(self.plan)} edits"]
        parts += [f"system prompt of {len(self.system)} characters"] if self.system else []
        parts += [f"{len(self.shots)} demonstrations"] if self.shots else []
        return f"<Arm {self.label or 'unnamed'!s:.60}: {', '.join(parts)}>"[:200]
