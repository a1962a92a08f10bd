"""The declaration of a stacking study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from steerstack.study.method_ref import MethodRef, Reference, VectorReference
from steerstack.study.technique_study import ChoiceStudy

if TYPE_CHECKING:
    from steerstack.report.answer import ItemFrame
    from steerstack.study.forecast import Forecast
    from steerstack.study.session import Session
    from steerstack.study.stack.answer import StackAnswer
    from steerstack.study.stack.result import StackResult


class Companion(BaseModel):
    """Another vector that is tried together with the study's own: a file, or found from data by a method.

    Attributes
    ----------
    name:
        How results call it.
    vector:
        Its file, or ``models:/...``; None to find it now.
    method, data:
        By what, and from which data: the study's own for None.
    edit:
        How it acts; None for the way its method asks for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    name: str
    vector: VectorReference = None
    method: Reference | None = None
    data: str | None = None
    edit: str | None = None


def _companion(value: Any) -> Any:
    """A vector's file stands for the vector, under the file's name."""
    return Companion(name=Path(value).stem, vector=str(value)) if isinstance(value, str | Path) else value


def _demonstrations(value: Any) -> Any:
    word = str(value).lower() if isinstance(value, bool | str) else ""  # the command line gives words
    return {"true": "few-shot", "false": None}.get(word, value)


class Stack(ChoiceStudy):
    """Measure a vector alone, on top of prompts, of demonstrations, of fine-tunes, and of other vectors.

    Layer, strength and prompts are chosen on validation items; the locked test items are read once, for every arm.
    """

    name = "stack"

    method: Reference = Field(default=MethodRef(name="mean-difference"), description="Extractor.")
    position: str | None = Field(default="response", description="Where the vector is read: answer, last or response.")
    finetunes: tuple[Reference, ...] = Field(
        default=(MethodRef(name="lora-sft"),), description="Baselines to stack with; none for an empty list."
    )
    few_shot: Annotated[Reference | None, BeforeValidator(_demonstrations)] = Field(
        default=MethodRef(name="few-shot"),
        description="Baseline that makes demonstrations; true for few-shot, false for none.",
    )
    together: tuple[Annotated[Companion, BeforeValidator(_companion)], ...] = Field(
        default=(), description="Other vectors to try together with this one: files, or described."
    )
    matched_kl: float | None = Field(
        default=None, gt=0, description="Hold candidates at this KL per token, in place of shares."
    )
    margin: float = Field(
        default=0.25, gt=0, lt=1, description="Share of the vector's effect that it may lose and still add up."
    )
    nulls: int = Field(
        default=39,
        ge=0,
        le=10_000,
        description="Random and shuffled-label vectors, each; a claim at the 5 % level needs 39.",
    )
    replicates: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="The vector again from so many training samples that share no item, each by a seed; 1 for none.",
    )
    neighbors: int = Field(
        default=1, ge=0, le=1000, description="Vectors of other behaviours to compare with, at most."
    )

    def perform(self, session: Session) -> StackResult:
        """Extract on training items, choose on validation items, read the test items once."""
        from steerstack.study.stack.run import run_stack

        return run_stack(self, session)

    def answer(self, items: ItemFrame) -> StackAnswer:
        """What the vector does alone, beside its nulls and on top of the rest, from the items alone."""
        from steerstack.study.stack.answer import StackAnswer

        return StackAnswer.of(self, items)

    def forecast(self, session: Session) -> Forecast:
        """What it will take, part by part, from short pilots."""
        from steerstack.study.stack.forecast import forecast_stack

        return forecast_stack(self, session)
