"""What metrics of generated answers share: how answers are made, kept for the record, and judged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from steerstack.contracts import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from steerstack.contracts import Judge
    from steerstack.data.prompts import Prompt
    from steerstack.measure.judge import Judged
    from steerstack.steering.intervention import Plan
    from steerstack.trace.model import Model

_NEXT_TURN = "\n\nHuman:"


@dataclass(frozen=True)
class Spoken:
    """What one arm said.

    Attributes
    ----------
    texts:
        One answer for each prompt, without special tokens and surrounding space.
    ended:
        Whether the answer came to an end before the bound on its length.
    edited:
        Number of positions edited.
    """

    texts: tuple[str, ...]
    ended: tuple[bool, ...]
    edited: int

    @property
    def unfinished(self) -> float:
        """Share of answers that were cut off at the bound: what they would have said does not count."""
        return 1 - sum(self.ended) / len(self.ended)


def text_of(model: Model, tokens: Sequence[int]) -> str:
    """An answer's text; of a model without a chat template not what it goes on to write as the user's next turn."""
    text = str(model.tokenizer.decode(list(tokens), skip_special_tokens=True))
    return (text if model.format.chat else text.split(_NEXT_TURN)[0]).strip()


class Generating(Metric):
    """Parameters of every metric that lets the model speak; greedy by default.

    Draws at a temperature above 0 follow from the seed and the batch.
    """

    limit: int | None = Field(None, ge=1, description="Number of questions, from the first on.")
    system: str | None = Field(None, description="A system prompt.")
    max_new_tokens: int = Field(64, ge=1, description="Bound on an answer's length, in tokens.")
    temperature: float = Field(0.0, ge=0, description="0 takes the most likely token.")
    seed: int = Field(0, description="Seed of the draws, where the temperature is above 0.")
    batch: int = Field(16, ge=1, description="Questions that are answered together, each under all arms.")
    keep: int = Field(20, ge=0, description="Number of answers, from the first on, that the result holds in full.")

    def answers(
        self,
        model: Model,
        prompts: Sequence[Prompt],
        plans: Sequence[Plan],
        progress: Callable[[int], None] | None = None,
    ) -> list[Spoken]:
        """The answer to every prompt under every plan: all arms decode together."""
        from steerstack.engine.decode.generate import generate
        from steerstack.engine.decode.sampling import Sampling, stop_tokens

        sampling = Sampling(self.max_new_tokens, self.temperature, seed=self.seed)
        sequences = [model.format.sequence(prompt) for prompt in prompts]
        stops = stop_tokens(model)
        arms = generate(model, sequences, plans, sampling, batch=self.batch, progress=progress)
        return [
            Spoken(
                tuple(text_of(model, tokens) for tokens in arm.tokens),
                tuple(bool(tokens) and tokens[-1] in stops for tokens in arm.tokens),
                arm.edited.positions,
            )
            for arm in arms
        ]

    def record(self, answers: Sequence[str]) -> dict[str, Any]:
        """How the answers were made, their digest, and the first of them."""
        from steerstack.util import digest

        return {
            "metric": self.name,
            "sampling": {
                "max_new_tokens": self.max_new_tokens,
                "temperature": self.temperature,
                "seed": self.seed,
                "batch": self.batch,
            },
            "system": self.system,
            "answers": list(answers[: self.keep]),
            "n_answers": len(answers),
            "answers_digest": digest.of_json(list(answers)),
        }


class Judging(Generating):
    """Parameters of the metrics that need a judge."""

    judge: str = Field("self", description="The judge: self, openai, classifier, exact, fuzzy, or a plugin's.")
    judge_parameters: dict[str, Any] = Field(
        default_factory=dict, description='The judge\'s parameters, such as {"model": "measured"}.'
    )
    verdicts: Path | None = Field(
        None, description="File in which verdicts and answers are kept; by default in the user's cache."
    )

    def answers(
        self,
        model: Model,
        prompts: Sequence[Prompt],
        plans: Sequence[Plan],
        progress: Callable[[int], None] | None = None,
    ) -> list[Spoken]:
        """As of any such metric; kept on disk, so that a judge that fails afterwards does not cost the answers."""
        from dataclasses import astuple

        from steerstack import __version__
        from steerstack.measure.verdict_cache import verdict_file
        from steerstack.util import digest
        from steerstack.util.json_cache import Kept

        ids = [model.format.sequence(prompt).ids for prompt in prompts]
        sampling = [self.max_new_tokens, self.temperature, self.seed, self.batch]
        key = digest.of_json(
            [__version__, "answers", model.fingerprint, ids, [plan.fingerprint for plan in plans], sampling]
        )
        cache = Kept(self.verdicts or verdict_file())
        entries = cache.get([key])
        if key not in entries:
            arms = super().answers(model, prompts, plans, progress)
            cache.put({key: [astuple(arm) for arm in arms]})
            return arms
        if progress:
            progress(len(prompts) * len(plans))
        return [Spoken(tuple(texts), tuple(ended), edited) for texts, ended, edited in entries[key]]

    def the_judge(self, model: Model) -> Judge:
        """The judge, where ``model`` is being measured."""
        from steerstack.measure.judge import make_judge

        return make_judge(self.judge, self.judge_parameters, model)

    def ask(
        self,
        judge: Judge,
        criterion: str,
        questions: Sequence[str],
        answers: Sequence[str],
        references: Sequence[Sequence[str]] | None = None,
    ) -> Judged:
        """Verdicts, out of the cache where they are known."""
        from steerstack.measure.judge import judged
        from steerstack.measure.verdict_cache import VerdictCache

        return judged(judge, criterion, questions, answers, references, cache=VerdictCache(self.verdicts))


def judge_record(judge: Judge, criteria: Sequence[str], judged: Sequence[Judged]) -> Mapping[str, Any]:
    """The judge, what it was asked, and what it cost, for the record."""
    from dataclasses import asdict

    from steerstack.measure.judge import Counts

    return {
        "judge": dict(judge.identity()),
        "judge_about": dict(judge.about()),
        "criteria": list(criteria),
        "counts": asdict(sum((part.counts for part in judged), Counts())),
    }
