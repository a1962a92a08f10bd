"""The declaration of a frontier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from steerstack.study.technique_study import TechniqueStudy

if TYPE_CHECKING:
    from steerstack.study.forecast import Forecast
    from steerstack.study.frontier.result import FrontierResult
    from steerstack.study.session import Session


class Frontier(TechniqueStudy):
    """What does each technique gain, at what cost? Effect against KL, perplexity and knowledge, at equal KL.

    Vectors are held at each budget and at the KL of every baseline; ``shares`` play no part.
    """

    name = "frontier"

    budgets: tuple[float, ...] = Field(
        default=(0.01, 0.03, 0.1, 0.3),
        min_length=1,
        description="KL per token (nats) at which every vector is measured.",
    )
    knowledge: int = Field(
        default=60, ge=0, description="Number of MMLU questions, by the options' own words; 0 for none."
    )

    own_answers: int = Field(
        default=4,
        ge=0,
        le=1000,
        description="Own answers of the bare model, to the first test questions, on which KL is measured too.",
    )

    @property
    def held_at(self) -> float:
        """The middle budget, at which layers are chosen."""
        return sorted(self.budgets)[len(self.budgets) // 2]

    def perform(self, session: Session) -> FrontierResult:
        """Make and measure every point, baselines first."""
        from steerstack.study.frontier.points import run_frontier

        return run_frontier(self, session)

    def forecast(self, session: Session) -> Forecast:
        """What it will take, from one point of each technique."""
        from steerstack.study.frontier.points import forecast_frontier

        return forecast_frontier(self, session)
