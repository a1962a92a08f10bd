"""A local model as judge: it answers the criterion, and its log-probabilities are read."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, final

from pydantic import Field, PrivateAttr

from steerstack.contracts import Judge, Verdict
from steerstack.errors import JudgeError
from steerstack.trace.embedded_model import EMBEDDED
from steerstack_plugins.judges.common.verdict_prompt import wording

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steerstack.trace.model import Model

MEASURED = "measured"

_WORTH = {
    "caution": "the embedded model is no judge of truth",
    "measured_on": "100 answers of TruthfulQA.csv drawn with seed 0, half of them true; the criterion of "
    "truthfulqa-generation",
    "kappa": [-0.02, -0.216, 0.176],
    "accuracy": 0.49,
}
"""Cohen's kappa with its 95 % interval."""


@final
class SelfJudge(Judge):
    """``P(Yes) / (P(Yes) + P(No))`` of a model, unsteered, as the next token after the criterion.

    As Kadavath et al. (arXiv 2207.05221) read P(True). A verdict on which the two words together
    are less likely than ``least_mass`` is not taken for one. A small model is no judge: the embedded
    one agrees with the labels of TruthfulQA as chance does, which is said in its record. Hold any
    other against labels first (:func:`steerstack.measure.judge.judge_agreement`).
    """

    name = "self"
    paper = "arXiv 2207.05221"

    model: str = Field(
        "smollm2", description=f"Folder, Hugging Face id or smollm2; {MEASURED!r} is the model that is being measured."
    )
    least_mass: float = Field(0.01, ge=0, le=1, description="Least P(Yes) + P(No) for a verdict to count.")

    _beside: Any = PrivateAttr(None)

    def beside(self, model: Model) -> SelfJudge:
        """The same judge, for whom ``measured`` is this model."""
        if self.model != MEASURED:
            return self
        judge = self.model_copy()
        judge._beside = model
        return judge

    def opened(self) -> Model:
        """The model that judges.

        Raises
        ------
        JudgeError
            It is to be the measured model, and none is being measured.
        """
        if self.model != MEASURED:
            return _open(self.model)
        if self._beside is None:
            raise JudgeError("The judge is the measured model, and none is being measured.", fix="Name a model.")
        model: Model = self._beside
        return model

    def identity(self) -> Mapping[str, Any]:
        """Parameters, and the digest of the weights."""
        return {
            "name": self.name,
            "weights": self.opened().fingerprint,
            "chat": str(getattr(self.opened().tokenizer, "chat_template", None)),
            "least_mass": self.least_mass,
        }

    def about(self) -> Mapping[str, Any]:
        """For the embedded model, what it is worth."""
        return dict(_WORTH) if self.opened().name == EMBEDDED.name else {}

    def judge(
        self,
        criterion: str,
        questions: Sequence[str],
        answers: Sequence[str],
        references: Sequence[Sequence[str]] | None = None,
    ) -> list[Verdict]:
        """Score Yes and No after each question."""
        from steerstack.data.prompts import Prompt
        from steerstack.engine.score import score
        from steerstack.steering.intervention import Plan

        model = self.opened()
        right: Sequence[Sequence[str] | None] = references or [None] * len(answers)
        groups = [
            model.format.labels(Prompt(wording(criterion, question, answer, refs)), ["Yes", "No"])
            for question, answer, refs in zip(questions, answers, right, strict=True)
        ]
        scores = score(model, groups, [Plan()])[0]
        return [self._read(scores.total(i, 0), scores.total(i, 1), len(group[0])) for i, group in enumerate(groups)]

    def _read(self, yes: float, no: float, tokens: int) -> Verdict:
        p_yes, p_no = math.exp(yes), math.exp(no)
        raw = f"P(Yes) {p_yes:.4g}, P(No) {p_no:.4g}"
        mass = p_yes + p_no
        return Verdict(p_yes / mass if mass > 0 and mass >= self.least_mass else None, raw, tokens)


@lru_cache(maxsize=1)
def _open(name: str) -> Model:
    from steerstack.trace.open import open_model

    return open_model(name)
