"""The declaration of a study of generalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from steerstack.study.technique_study import TechniqueStudy

if TYPE_CHECKING:
    from steerstack.report.answer import ItemFrame
    from steerstack.study.forecast import Forecast
    from steerstack.study.generalize.answer import GeneralizeAnswer
    from steerstack.study.generalize.result import GeneralizeResult
    from steerstack.study.session import Session


class DomainShift(BaseModel):
    """How the two domains differ, which is exactly one of these.

    Attributes
    ----------
    margin:
        Hard are the items that the unsteered model leans away from.
    length:
        Hard are the items with the longer questions.
    topic, above:
        Hard are the items of these topics, or those whose topic is a number (a grade, a count of steps) above this.
    system, user:
        The target is the same items under a system prompt, or with these words before the question.
    data:
        The target is another data set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    margin: bool = False
    length: bool = False
    topic: tuple[str, ...] = ()
    above: float | None = None
    system: str | None = None
    user: str | None = None
    data: str | None = None

    @property
    def words(self) -> str:
        """In words, how they differ."""
        if self.topic:
            return f"topics {', '.join(self.topic)}"
        if self.above is not None:
            return f"topics above {self.above:g}"
        if self.user:
            return f"words before the question {self.user!r}"
        if self.system:
            return f"system prompt {self.system!r}"
        if self.data:
            return f"data set {self.data}"
        return "length of the question" if self.length else "margin of the unsteered model"


def _shift(value: Any) -> Any:
    return {value: True} if value in ("margin", "length") else value


class Generalize(TechniqueStudy):
    """What does a technique trained on easy items do on hard ones? By default easy is by the model's own margin."""

    name = "generalize"

    shift: Annotated[DomainShift, BeforeValidator(_shift)] = Field(
        default=DomainShift(margin=True),
        description="How the domains differ: margin, length, topic=A,B, above=3, system=TEXT, user=TEXT or data=NAME.",
    )

    def perform(self, session: Session) -> GeneralizeResult:
        """Train every technique in either domain, and test it in both."""
        from steerstack.study.generalize.run import run_generalize

        return run_generalize(self, session)

    def answer(self, items: ItemFrame) -> GeneralizeAnswer:
        """How far each technique carries, from the items alone."""
        from steerstack.study.generalize.answer import GeneralizeAnswer

        return GeneralizeAnswer(self, items, self.steered(items.behavior))

    def forecast(self, session: Session) -> Forecast:
        """What it will take, from a fit of each technique."""
        from steerstack.study.generalize.run import forecast_generalize

        return forecast_generalize(self, session)
