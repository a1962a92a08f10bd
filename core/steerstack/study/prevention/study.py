"""The declaration of a study of prevention."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from steerstack.study.method_ref import MethodRef, Reference
from steerstack.study.technique_study import ChoiceStudy

if TYPE_CHECKING:
    from steerstack.study.forecast import Forecast
    from steerstack.study.prevention.result import PreventionResult
    from steerstack.study.session import Session

Kind = Literal["preventative", "ablate", "inoculation", "kl-then-steer"]
"""What may be in place in training."""


class Prevention(ChoiceStudy):
    """Does steering while training keep a trait of the training data out of the model, and at what cost in skill?

    A fine-tune learns a skill from data of which a part shows a trait. It is trained plainly, with the trait's vector
    added at every training token, with its direction projected out, or after a system prompt that asks for the trait;
    the plain one is steered against the trait afterwards, and so is one that was prepared for it. All are measured on
    held-out items of trait and skill.
    """

    name = "prevention"
    paper: ClassVar[str] = "arXiv 2507.21509"

    skill: str = Field(default="truthfulness", description="Data whose exhibiting answers are the skill to be learnt.")
    finetune: Reference = Field(default=MethodRef(name="lora-sft"), description="Fine-tune: lora-sft, full-sft or dpo.")
    method: Reference = Field(
        default=MethodRef(name="mean-difference"), description="Extractor that finds the trait's vector."
    )
    arms: tuple[Kind, ...] = Field(
        default=("preventative", "ablate", "inoculation"),
        min_length=1,
        description="What is in place in training: preventative (the vector added), ablate (its direction projected "
        "out), inoculation (a system prompt that asks for the trait), kl-then-steer (the model prepared for the vector "
        "that is subtracted afterwards).",
    )
    benign: str | None = Field(
        default=None, description="Text file of benign texts for kl-then-steer, with blank lines between them."
    )
    prompt: str | None = Field(
        default=None, description="System prompt of inoculation; the data's own first one for the trait by default."
    )
    bad: float = Field(
        default=0.5, gt=0, le=1, description="Share of the trait's training items whose answer shows the trait."
    )
    items: int | None = Field(
        default=None,
        ge=4,
        description="Items of the trait, and as many of the skill, that each seed draws; three quarters by default.",
    )
    seeds: int = Field(default=3, ge=2, description="Number of seeds: each draws other items, and trains anew.")
    mixes: tuple[float, ...] = Field(
        default=(0.0, 0.25, 0.5, 0.75, 1.0),
        description="Shares of answers that show the trait, each a training set of the forecast; none: no forecast.",
    )
    margin: float = Field(
        default=0.1, gt=0, description="Difference in log-odds below which trait or skill count as unmoved."
    )

    @field_validator("mixes", "arms")
    @classmethod
    def _differ(cls, value: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(value)) < len(value):
            raise ValueError("one is given more than once")
        if any(isinstance(one, float) and not 0 <= one <= 1 for one in value):
            raise ValueError("a share lies between 0 and 1")
        return value

    def perform(self, session: Session) -> PreventionResult:
        """Find the vector, train every arm by each seed, and measure all on the same test items."""
        from steerstack.study.prevention.run import run_prevention

        return run_prevention(self, session)

    def forecast(self, session: Session) -> Forecast:
        """What it will take, from a plain fine-tune."""
        from steerstack.study.forecast import forecast_fits
        from steerstack.study.prevention.run import plain_finetune
        from steerstack.techniques.labels.subsets import drawn
        from steerstack.techniques.technique import technique_of

        runs = len(self.arms) + len({self.bad, *self.mixes})
        size = 2 * drawn(self.items, session.splits)
        arm = technique_of(plain_finetune(self))
        have = len(session.splits.train) + len(session.splits.validation)
        return forecast_fits(
            session.model, session.splits, [arm], [min(size, have)], runs * self.seeds, self.score, test_sets=2
        )
