"""Who computes what a server of OpenAI's protocol answers: the reference engine, or a backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, final

from steerstack.contracts import BatchingModel
from steerstack.engine.decode.generate import generate
from steerstack.engine.overflow import check_scores
from steerstack.engine.top_tokens import Guess, guesses, likeliest_anywhere
from steerstack.serving.openai.job_batcher import JobBatcher

if TYPE_CHECKING:
    from steerstack.contracts import GeneratingModel
    from steerstack.engine.decode.sampling import Sampling
    from steerstack.steering.intervention import Plan
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model


TokenTold = Callable[[int, int], None]
"""Told of each new token: the place of its prompt, and its id."""


@dataclass(frozen=True)
class GenerationJob:
    """What is to be generated: new tokens after every prompt, all under one plan, chosen in one way."""

    prompts: Sequence[TokenSequence]
    plan: Plan
    sampling: Sampling


class ServedEngine(ABC):
    """What a server asks of an engine.

    Attributes
    ----------
    name:
        Which answers say made them.
    model:
        The model as transformers opens it: its tokenizer, its template, its sites and its fingerprint.
    together:
        How many requests may be at work at once.
    """

    name: str
    model: Model
    together: int = 1

    @abstractmethod
    def check(self, plan: Plan) -> None:
        """Refuse a plan that it cannot carry out; raises SiteError or ModelError."""

    def generate(
        self,
        prompts: Sequence[TokenSequence],
        plan: Plan,
        sampling: Sampling,
        alive: Callable[[], None],
        told: TokenTold = lambda *_: None,
    ) -> list[tuple[int, ...]]:
        """New tokens after every prompt; ``alive`` is called in between, and may raise to end the work.

        ``told`` is told of each token, as early as the engine can.
        Drawn texts are drawn one by one, so that a seed gives the same text whatever stands beside the prompt.
        """
        alone = sampling.temperature > 0 and self.together == 1  # else each is drawn as if it stood alone
        if not alone or len(prompts) == 1:
            return self.go_on(GenerationJob(prompts, plan, sampling), alive, told)
        drawn: list[tuple[int, ...]] = []
        for prompt in prompts:
            job = GenerationJob([prompt], plan, sampling)
            drawn += self.go_on(job, alive, partial(_told_of, told, len(drawn)))
        return drawn

    @abstractmethod
    def go_on(self, job: GenerationJob, alive: Callable[[], None], told: TokenTold) -> list[tuple[int, ...]]:
        """New tokens after every prompt, all at once; ``alive`` and ``told`` as of :meth:`generate`."""

    @abstractmethod
    def read(
        self, texts: Sequence[TokenSequence], starts: Sequence[int], plan: Plan, k: int, alive: Callable[[], None]
    ) -> list[list[Guess]]:
        """What is said of each text's tokens from a place on, with the k likeliest in their place."""


@final
class ReferenceEngine(ServedEngine):
    """steerstack's own engine, on a model that is open in this process."""

    name = "reference"

    def __init__(self, model: Model) -> None:
        self.model = model

    def check(self, plan: Plan) -> None:
        """As :meth:`steerstack.trace.model.Model.check_plan`."""
        self.model.check_plan(plan)

    def go_on(self, job: GenerationJob, alive: Callable[[], None], told: TokenTold) -> list[tuple[int, ...]]:
        """As :func:`steerstack.engine.decode.generate.generate`; each token is told as it is generated."""

        def hear(_arm: int, index: int, token: int) -> None:
            alive()
            told(index, token)

        return generate(self.model, job.prompts, [job.plan], job.sampling, told=hear)[0].tokens

    def read(
        self, texts: Sequence[TokenSequence], starts: Sequence[int], plan: Plan, k: int, alive: Callable[[], None]
    ) -> list[list[Guess]]:
        """As :func:`steerstack.engine.top_tokens.likeliest_anywhere`."""
        alive()
        return likeliest_anywhere(self.model, texts, starts, plan, k)


def _told_of(told: TokenTold, index: int, _index: int, token: int) -> None:
    told(index, token)


TOGETHER = 64
"""Requests that are handed to a backend at once at most, where it runs many together."""


def _all_at_once(opened: BatchingModel, jobs: Sequence[GenerationJob]) -> list[list[tuple[int, ...]]]:
    """The new tokens of each job's prompts, all of which are run together."""
    each = [(prompt, job.plan, job.sampling) for job in jobs for prompt in job.prompts]
    answers = iter(opened.generate_each(*zip(*each, strict=True)))
    return [[next(answers) for _ in job.prompts] for job in jobs]


@final
class BackendEngine(ServedEngine):
    """A backend's model.

    Parameters
    ----------
    opened:
        What it opened.
    """

    def __init__(self, opened: GeneratingModel) -> None:
        self.name, self._opened, self.model = opened.engine, opened, opened.known
        self._batcher: JobBatcher[GenerationJob, list[tuple[int, ...]]] | None = None
        if isinstance(opened, BatchingModel):
            self.together = TOGETHER
            self._batcher = JobBatcher(partial(_all_at_once, opened))

    @property
    def waiting(self) -> int:
        """How many requests wait to be handed over."""
        return self._batcher.waiting if self._batcher else 0

    def check(self, plan: Plan) -> None:
        """As the backend's model does."""
        self._opened.check_plan(plan)

    def go_on(self, job: GenerationJob, alive: Callable[[], None], told: TokenTold) -> list[tuple[int, ...]]:
        """As the backend does, together with the requests that wait; tokens are told once all are there."""
        if self._batcher is not None:
            answers = self._batcher(job, alive)
        else:
            alive()
            answers = self._opened.generate(job.prompts, [job.plan], job.sampling)[0].tokens
        for index, tokens in enumerate(answers):
            for token in tokens:
                told(index, token)
        return answers

    def read(
        self, texts: Sequence[TokenSequence], starts: Sequence[int], plan: Plan, k: int, alive: Callable[[], None]
    ) -> list[list[Guess]]:
        """From the backend's logits, text by text."""
        results = []
        for text, start in zip(texts, starts, strict=True):
            alive()
            results.append(guesses(self._opened.logits(text, plan), text, start, k) if start < len(text) else [])
        check_scores(self.model, plan, [[[guess.logp for guess in of_text]] for of_text in results])
        return results
