"""Learners of a study, each with the study's budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steerstack.contracts import OnlineLearner
from steerstack.errors import StudyError
from steerstack.techniques.selection import Candidates
from steerstack.techniques.technique import Conditioning

if TYPE_CHECKING:
    from steerstack.study.method_ref import MethodRef
    from steerstack.study.online_rl.study import OnlineRL

_SAME = ("prompts", "generations", "answer_tokens", "temperature", "beta")
BUDGET = {"steps": "updates", **{name: name for name in _SAME}}
"""Fields of learners by those of the study, which are the same for every learner."""


def learner(reference: MethodRef, study: OnlineRL, **options: Any) -> Conditioning:
    """A learner with the study's reward and budget.

    Raises
    ------
    StudyError
        It does not learn from a reward, or was given a budget of its own.
    """
    method = reference.make("baseline")
    if not isinstance(method, OnlineLearner):
        raise StudyError(
            f"{method.name} does not learn from a reward.",
            fix="Name it among the techniques; learners are vector-grpo, grpo and full-grpo.",
        )
    budget = {field: getattr(study, of) for field, of in BUDGET.items()}
    for field, value in budget.items():
        own = getattr(method, field)
        if own not in (value, type(method).model_fields[field].default):
            raise StudyError(
                f"The learner {method.name} was given {field} of its own.",
                seen=f"{own}, and {value} for the study",
                fix=f"Give {BUDGET[field]} to the study: it is the same for every learner.",
            )
    reward = {"reward": study.reward.name, "reward_parameters": study.reward.parameters}
    return Conditioning(method.model_copy(update={**reward, **budget}), Candidates(**options) if options else None)
