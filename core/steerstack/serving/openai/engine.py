"""Who computes what a server of OpenAI's protocol answers: the reference engine, or a backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, final

from steerstack.engine.decode.generate import generate
from steerstack.engine.overflow import check_scores
from steerstack.engine.top_tokens import Guess, guesses, likeliest_anywhere

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steerstack.contracts import GeneratingModel
    from steerstack.engine.decode.sampling import Sampling
    from steerstack.steering.intervention import Plan
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model


class ServedEngine(ABC):
    """What a server asks of an engine.

    Attributes
    ----------
    name:
        Which answers say made them.
    model:
        The model as transformers opens it: its tokenizer, its template, its sites and its fingerprint.
    """

    name: str
    model: Model

    @abstractmethod
    def check(self, plan: Plan) -> None:
        """Refuse a plan that it cannot carry out; raises SiteError or ModelError."""

    def generate(
        self, prompts: Sequence[TokenSequence], plan: Plan, sampling: Sampling, alive: Callable[[], None]
    ) -> list[tuple[int, ...]]:
        """New tokens after every prompt; ``alive`` is called in between, and may raise to end the work.

        Drawn texts are drawn one by one, so that a seed gives the same text whatever stands beside the prompt.
        """
        if sampling.temperature > 0 and len(prompts) > 1:
            return [tokens for prompt in prompts for tokens in self.go_on([prompt], plan, sampling, alive)]
        return self.go_on(prompts, plan, sampling, alive)

    @abstractmethod
    def go_on(
        self, prompts: Sequence[TokenSequence], plan: Plan, sampling: Sampling, alive: Callable[[], None]
    ) -> list[tuple[int, ...]]:
        """New tokens after every prompt, all at once; ``alive`` as of :meth:`generate`."""

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

    def go_on(
        self, prompts: Sequence[TokenSequence], plan: Plan, sampling: Sampling, alive: Callable[[], None]
    ) -> list[tuple[int, ...]]:
        """As :func:`steerstack.engine.decode.generate.generate`."""
        return generate(self.model, prompts, [plan], sampling, told=lambda *_: alive())[0].tokens

    def read(
        self, texts: Sequence[TokenSequence], starts: Sequence[int], plan: Plan, k: int, alive: Callable[[], None]
    ) -> list[list[Guess]]:
        """As :func:`steerstack.engine.top_tokens.likeliest_anywhere`."""
        alive()
        return likeliest_anywhere(self.model, texts, starts, plan, k)


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

    def check(self, plan: Plan) -> None:
        """As the backend's model does."""
        self._opened.check_plan(plan)

    def go_on(
        self, prompts: Sequence[TokenSequence], plan: Plan, sampling: Sampling, alive: Callable[[], None]
    ) -> list[tuple[int, ...]]:
        """As the backend does."""
        alive()
        return self._opened.generate(prompts, [plan], sampling)[0].tokens

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
