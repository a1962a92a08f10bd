"""Online learners: baselines that learn from a reward of their own answers, all with the same budget."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from steerstack.contracts.baseline import Baseline
from steerstack.data.questions import ScoreMode


class OnlineLearner(Baseline):
    """Trains something of the model on answers that the model samples, by how they are rewarded.

    What is trained is a subclass's own matter. The fields below are everything else: learners with the same values
    see as many prompts, sample as many answers and take as many steps.
    """

    reward: str = Field(
        "exact", description="Who rewards answers: exact, log-odds, judge, reward-model, or a plugin's."
    )
    reward_parameters: dict[str, Any] = Field(
        default_factory=dict, description='The reward\'s parameters, such as {"criterion": "Is it polite?"}.'
    )
    mode: ScoreMode | None = Field(
        None, description="How questions are asked; by Yes or No if not given where the data do so, else by letter."
    )
    steps: int = Field(8, ge=0, description="Optimiser steps.")
    look: int = Field(4, ge=1, description="Steps between looks at the validation items.")
    prompts: int = Field(4, ge=1, description="Questions a step.")
    generations: int = Field(4, ge=2, description="Answers sampled to each question: a group.")
    answer_tokens: int = Field(4, ge=1, description="Tokens of a sampled answer, at most.")
    temperature: float = Field(1.0, gt=0, description="Of sampling.")
    beta: float = Field(0.04, ge=0, description="Weight of the KL divergence from the reference, per token.")
    rates: int = Field(
        1, ge=1, description="Learning rates to try, half a power of ten apart around the given one; each is a run."
    )
