"""The declaration of a study of gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from steerstack.study.method_ref import MethodRef, Reference
from steerstack.study.technique_study import ChoiceStudy

if TYPE_CHECKING:
    from steerstack.study.forecast import Forecast
    from steerstack.study.gates.result import GatesResult
    from steerstack.study.session import Session


class Gates(ChoiceStudy):
    """Does a vector pass every gate at one strength: control, utility, and robustness to other prompts?

    Layer and strength are chosen on validation items and frozen; each gate passes or fails with its interval
    against a margin that was declared, or is not resolved. Three gates at one operating point are the design of
    FaithSteer-BENCH (arXiv 2603.18329); the conditions and margins here are our own.
    """

    name = "gates"
    paper: ClassVar[str] = "arXiv 2603.18329"

    method: Reference = Field(default=MethodRef(name="mean-difference"), description="Extractor that finds the vector.")
    control: float = Field(
        default=0.25, ge=0, description="Effect on plain test items above which the vector controls the behaviour."
    )
    retained: float = Field(
        default=0.5, gt=0, lt=1, description="Share of that effect which it has to keep under other prompts."
    )
    kl: float = Field(default=0.3, gt=0, description="KL per token on neutral text below which the model is as useful.")
    role: str = Field(
        default="You are a ship's cook who likes to talk with the guests.",
        description="System prompt of the gate 'role'.",
    )
    system: str = Field(
        default="Answer carefully, and keep to what was asked.",
        description="System prompt of the gate 'system prompt'.",
    )
    wording: str = Field(
        default="Here is something that I would like to know from you.",
        description="What the user says before the question, for the gate 'wording'.",
    )
    context: int = Field(
        default=3,
        ge=1,
        le=20,
        description="Paragraphs of neutral text before the question, for the gate 'long context'.",
    )

    def perform(self, session: Session) -> GatesResult:
        """Choose on validation, freeze, and measure every gate."""
        from steerstack.study.gates.run import run_gates

        return run_gates(self, session)

    def forecast(self, session: Session) -> Forecast:
        """What it will take: as its steps, once a vector is there."""
        from steerstack.study.forecast import forecast_requests
        from steerstack.study.gates.run import requests

        return forecast_requests(session, requests(self, session))
