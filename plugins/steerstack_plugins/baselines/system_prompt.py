"""A system prompt that asks for the behaviour: the best of several on validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, final

from pydantic import Field

from steerstack.contracts import Baseline, Tuned
from steerstack.data.questions import ScoreMode
from steerstack.errors import DataError

if TYPE_CHECKING:
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


@final
class SystemPrompt(Baseline):
    """Prompting: the data set's own system prompts for the behaviour, or given ones; no training.

    The baseline of Wu et al., arXiv 2501.17148, section 4 (AxBench), where it beats every other
    method; there a language model writes the prompt, here people wrote it, and where a study tries more
    candidates they are two of them together, or one with answers of the training items. The one with the
    greatest mean log-odds on the validation items is used. It stands after an item's own system
    prompt. The tokens that it adds are counted against the same prompt without it, in which some
    chat templates put a system prompt of their own.
    """

    name = "system-prompt"
    paper = "arXiv 2501.17148"
    trains: ClassVar[bool] = False

    prompts: tuple[str, ...] = Field((), description="Candidates; none for those that come with the data.")
    choices: int = Field(
        1, ge=1, description="Candidates to make of the data's prompts and labels; at least all of those."
    )
    mode: ScoreMode = Field("text", description="How validation items are scored for the choice.")

    def with_choices(self, count: int) -> Self:
        """So many candidates, unless they or their number were given."""
        settings = self.model_fields_set & {"prompts", "choices"}
        return self if settings else self.model_copy(update={"choices": count})

    def check_data(self, data: DataSet) -> None:
        """Refuse data without prompts where none were given."""
        if not self._candidates(data):
            raise DataError(
                f"No system prompt asks for {data.behavior}.",
                seen=f"{data.source} comes without prompts",
                fix="""Give some: --set 'prompts=["..."]', or a data file with prompts.""",
            )

    def _candidates(self, data: DataSet) -> tuple[str, ...]:
        return self.prompts or data.prompts.positive

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Choose among the candidates.

        Raises
        ------
        DataError
            There is no candidate.
        """
        from steerstack.techniques.prompt_variants import prompt_variants
        from steerstack_plugins.baselines.common.prompt_search import Preface, choose_preface

        self.check_data(train)
        answers = [item.exhibits_text for item in train]
        candidates = prompt_variants(self._candidates(train), answers, self.choices, seed=seed)
        prefaces = [Preface({"prompt": prompt}, prompt) for prompt in candidates]
        record = {"prompts_from": "parameter" if self.prompts else train.source}
        return choose_preface(model, validation, self.mode, prefaces, record)
