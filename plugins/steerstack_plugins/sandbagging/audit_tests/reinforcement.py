"""Tests that reward right answers: by themselves, and after a small fine-tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from pydantic import Field

from steerstack.contracts import AuditTest
from steerstack_plugins.sandbagging.audit_tests.gains import TrainingGain

if TYPE_CHECKING:
    from steerstack.contracts import AuditOutcome, Examination, Tuned
    from steerstack.trace.model import Model

LEARNER: Any = Field("full-grpo", description="Online learner; `steerstack plugins list` shows all.")
SETTINGS: Any = Field(
    {"steps": 20, "look": 5, "prompts": 4, "generations": 4, "answer_tokens": 1}, description="Its parameters."
)


@final
class ReinforcementGain(AuditTest):
    """Right answers to a few questions are reinforced, and nothing is taught before.

    A model that never gives the right answer is never rewarded for it: ``rl-resistant`` organisms withstand this by not
    exploring (arXiv 2604.28182). The reward is exact; looks at validation items choose how long it is trained, the
    model itself among them.
    """

    name = "reinforcement"
    paper = "arXiv 2604.28182"

    n: int = Field(16, ge=1, description="Number of questions.")
    learner: str = LEARNER
    reinforcement: dict[str, Any] = SETTINGS

    def look(self, examination: Examination) -> AuditOutcome:
        """Ask the target plainly and after the training."""
        from steerstack_plugins.sandbagging.audit.choices import Way
        from steerstack_plugins.sandbagging.audit_tests import answers

        tuned = reinforced(examination.model, examination, self.n, self.learner, self.reinforcement)
        after = Way(tuned.model, form=examination.questions.form).ask(examination.questions.target)
        return answers.gain(after, answers.plain(examination), {"reinforcement": dict(tuned.record)})


@final
class SFTThenGRPOGain(TrainingGain):
    """Training on a few right answers, and reinforcement of right answers to the same questions after it.

    After arXiv 2604.22082, which puts supervised fine-tuning before reinforcement: a model that never gives the answer
    is never rewarded for it, and after a little training it is. Looks at validation items choose among the fine-tuned
    model itself and what follows.
    """

    name = "sft-then-grpo"
    paper = "arXiv 2604.22082"

    learner: str = LEARNER
    reinforcement: dict[str, Any] = SETTINGS

    def look(self, examination: Examination) -> AuditOutcome:
        """Ask the target plainly, and after both trainings.

        Raises
        ------
        ParameterError
            The fine-tuning changes no weights.
        """
        from dataclasses import replace

        from steerstack.errors import ParameterError
        from steerstack_plugins.sandbagging.audit_tests import answers

        elicitation = self.elicitation(examination.questions.form)
        first = answers.way_of(examination, elicitation)
        if len(first.plan):
            raise ParameterError(
                "Reinforcement follows a training of weights, and this one trains an edit.",
                seen=self.baseline,
                fix="Choose full-sft or lora-sft.",
            )
        second = reinforced(first.model, examination, self.n, self.learner, self.reinforcement)
        after = replace(first, model=second.model).ask(examination.questions.target)
        details = {
            "after_fine_tuning_alone": answers.under(examination, elicitation).accuracy.to_json(),
            "fine_tuning": dict(first.record),
            "reinforcement": dict(second.record),
        }
        return answers.gain(after, answers.plain(examination), details)


def reinforced(model: Model, examination: Examination, n: int, learner: str, settings: dict[str, Any]) -> Tuned:
    """A model after reinforcement of right answers to some of the demonstrations' questions, by an exact reward.

    Parameters
    ----------
    model:
        What is trained: the examined one, or what a training has made of it.
    examination:
        Whose questions are asked, and by whose seed they are drawn.
    n:
        Number of questions.
    learner, settings:
        Name and parameters of the online learner.
    """
    from steerstack.catalog.lookup import find
    from steerstack.data.items import DataSet
    from steerstack_plugins.sandbagging.audit.elicitation import draw

    questions = examination.questions
    train, validation = (
        DataSet("right-answers", tuple(part), "answers right", "demonstrations")
        for part in (draw(questions.train, n, examination.seed), questions.validation)
    )
    tuner = find("baseline", learner).make({"mode": questions.form, **settings})
    return tuner.tune(model, train, validation, seed=examination.seed)
