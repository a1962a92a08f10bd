"""System prompts that the model writes itself from the labelled items, shown where the last ones failed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, Self, final

from pydantic import Field

from steerstack.contracts import Baseline, Tuned
from steerstack.data.questions import ScoreMode

if TYPE_CHECKING:
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


@final
class ReflectivePrompt(Baseline):
    """A reflective search over system prompts: the model mutates them, validation keeps the best; no training.

    After GEPA (Agrawal et al., arXiv 2507.19457, algorithms 1 and 2), with the same labels as every other baseline.
    The first candidates are the data's own prompts, at most half of all. Each further one is written by the model
    under study: it is shown a prompt and the training items on which that one does worst, with the wanted and the
    unwanted answer. The prompt to start from is drawn among those that are the best on some validation item, in
    proportion to the number of such items. Two things differ: a mutation is not tried on training items before it
    is validated, and the model that reflects is the one that is prompted.

    What the model writes can be no prompt at all. Empty and repeated texts are counted, and data prompts put together
    or with examples take their place, so that as many candidates are tried as of other techniques. The record says,
    under ``remark``, whether the model's own prompts were of any use.
    """

    name = "reflective-prompt"
    paper = "arXiv 2507.19457"
    trains: ClassVar[bool] = False

    prompts: tuple[str, ...] = Field((), description="Prompts to begin with; none for those that come with the data.")
    choices: int = Field(10, ge=1, description="Candidates in all.")
    shown: int = Field(3, ge=1, description="Failures that are shown to the model at a time.")
    answer_tokens: int = Field(96, ge=1, description="Tokens of a prompt that it writes, at most.")
    temperature: float = Field(1.0, ge=0, description="Of writing.")
    mode: ScoreMode = Field("text", description="How items are scored for the choice.")

    def with_choices(self, count: int) -> Self:
        """So many candidates, unless their number was given."""
        return self if "choices" in self.model_fields_set else self.model_copy(update={"choices": count})

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Search on ``train`` and ``validation``."""
        from steerstack.engine.decode.sampling import Sampling
        from steerstack_plugins.baselines.common.prompt_search import Preface, choose_preface
        from steerstack_plugins.baselines.common.reflection import Reflection

        began = time.monotonic()
        sampling = Sampling(self.answer_tokens, self.temperature)
        search = Reflection(model, train, validation, self.mode, self.shown, sampling, seed)
        search.run(self.prompts or train.prompts.positive, self.choices)
        prefaces = [Preface({"prompt": one.prompt, "by": one.by}, one.prompt) for one in search.found]
        return choose_preface(
            model, validation, self.mode, prefaces, search.record(),
            known=[one.mean for one in search.found], seconds=time.monotonic() - began, flops=search.flops,
        )  # fmt: skip
