"""The declaration of a study of online reinforcement learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from steerstack.study.method_ref import MethodRef, Reference
from steerstack.study.technique_study import TechniqueStudy

if TYPE_CHECKING:
    from steerstack.report.answer import ItemFrame
    from steerstack.study.forecast import Forecast
    from steerstack.study.online_rl.answer import OnlineRLAnswer
    from steerstack.study.online_rl.result import OnlineRLResult
    from steerstack.study.session import Session


class OnlineRL(TechniqueStudy):
    """Does one vector a layer learn from a reward what adapters and all weights learn from it?

    All learners get the same reward, prompts, number of sampled answers and steps; only what is trained differs. Other
    techniques get the same labelled items. All are measured by the reward of answers to locked test questions, by the
    behaviour's log-odds there, and by their KL from the bare model.
    """

    name = "online-rl"
    paper: ClassVar[str] = "arXiv 2505.18706"

    techniques: tuple[Reference, ...] = Field(
        default=tuple(MethodRef(name=name) for name in ("mean-difference", "system-prompt", "lora-sft", "dpo")),
        min_length=1,
        description="Techniques that learn from the same labelled items without the reward.",
    )
    learners: tuple[Reference, ...] = Field(
        default=tuple(MethodRef(name=name) for name in ("vector-grpo", "grpo", "full-grpo")),
        min_length=1,
        description="What learns from the reward: vector-grpo (one vector a layer), grpo (LoRA), full-grpo; the first "
        "one is compared with every technique.",
    )
    reward: Reference = Field(
        default=MethodRef(name="exact"), description="Who rewards answers: exact, log-odds, judge, reward-model."
    )
    score: Literal["letter", "yes-no", "text"] = Field(
        default="letter", description="How items are asked and scored: letter, yes-no or text."
    )
    updates: int = Field(default=16, ge=1, description="Optimiser steps of each run of a learner.")
    prompts: int = Field(default=4, ge=1, description="Questions of each step.")
    generations: int = Field(default=4, ge=2, description="Answers sampled to each question: a group.")
    answer_tokens: int = Field(default=4, ge=1, description="Tokens of a sampled answer, at most.")
    temperature: float = Field(default=1.0, gt=0, description="Of sampling, in training and on the test questions.")
    beta: float = Field(default=0.04, ge=0, description="Weight of the KL divergence from the bare model, per token.")
    items: int | None = Field(
        default=None, ge=4, description="Labelled items that each seed draws; three quarters of them by default."
    )
    seeds: int = Field(
        default=5, ge=2, description="Number of seeds: each draws other labelled items, and trains anew."
    )
    samples: int = Field(default=4, ge=1, description="Answers sampled to each test question, in each order.")
    harder: Literal["margin", "number", "length"] | None = Field(
        default=None,
        description="Learn from the easier half of the items alone, and test on the harder half as well: margin, "
        "number or length.",
    )
    stacked: bool = Field(
        default=True, description="Put the first vector among the techniques on top of what each learner made."
    )
    margin: float = Field(
        default=0.1, gt=0, description="Difference in mean reward below which two techniques are as good as each other."
    )

    def perform(self, session: Session) -> OnlineRLResult:
        """Train every learner and technique by each seed, and measure all on the same test items."""
        from steerstack.study.online_rl.run import run_online_rl

        return run_online_rl(self, session)

    def answer(self, items: ItemFrame) -> OnlineRLAnswer:
        """Who learns from the reward and what that moves, from the items alone."""
        from steerstack.study.online_rl.answer import OnlineRLAnswer
        from steerstack.study.online_rl.learner import learner

        names = [learner(one, self).name for one in self.learners]
        return OnlineRLAnswer(self, items, self.steered(items.behavior), names)

    def forecast(self, session: Session) -> Forecast:
        """What it will take, from a fit of each."""
        from steerstack.study.forecast import forecast_fits
        from steerstack.study.online_rl.run import arms_of, parts_of
        from steerstack.techniques.labels.subsets import drawn

        splits, tests = parts_of(self, session)
        arms = arms_of(self, session)
        sizes = [drawn(self.items, splits)]
        return forecast_fits(session.model, splits, arms, sizes, self.seeds, self.score, test_sets=len(tests))
