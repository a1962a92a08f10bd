"""Learners of a study, each with the study's budget, and fine-tunes whose training may have moved nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from steerstack.contracts import OnlineLearner
from steerstack.data.items import DataSet
from steerstack.data.questions import ScoreMode
from steerstack.errors import StudyError
from steerstack.techniques.selection import Candidates
from steerstack.techniques.technique import Conditioning, Technique, Treatment
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.study.method_ref import MethodRef
    from steerstack.study.online_rl.study import OnlineRL

_SAME = ("prompts", "generations", "answer_tokens", "temperature", "beta")
BUDGET = {"steps": "updates", **{name: name for name in _SAME}}
"""Fields of learners by those of the study, which are the same for every learner."""


@dataclass(frozen=True)
class TrainedArm(Conditioning):
    """A baseline that is taken as it comes: one whose training moved nothing is an outcome here, and no error."""

    def fit(self, model: Model, train: DataSet, validation: DataSet | None, mode: ScoreMode, seed: int) -> Treatment:
        """Train; the record says whether the model is the one that it was."""
        tuned = self.asked(model, mode).tune(model, train, validation or train, seed=seed)
        same = tuned.model is model or tuned.model.fingerprint == model.fingerprint
        unchanged = same and not (tuned.plan or tuned.system or tuned.shots)
        return self.treatment(replace(tuned, model=model) if same else tuned, unchanged=unchanged)


def as_it_comes(technique: Technique) -> Technique:
    """The same technique; one that trains may leave the model as it was."""
    return TrainedArm(technique.baseline, technique.candidates) if isinstance(technique, Conditioning) else technique


def learner(reference: MethodRef, study: OnlineRL, **options: Any) -> TrainedArm:
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
    for field, wanted in budget.items():
        own = getattr(method, field)
        if own not in (wanted, type(method).model_fields[field].default):
            raise StudyError(
                f"The learner {method.name} was given {field} of its own.",
                seen=f"{own}, and {wanted} for the study",
                fix=f"Give {BUDGET[field]} to the study: it is the same for every learner.",
            )
    reward = {"reward": study.reward.name, "reward_parameters": study.reward.parameters}
    return TrainedArm(method.model_copy(update={**reward, **budget}), Candidates(**options) if options else None)
