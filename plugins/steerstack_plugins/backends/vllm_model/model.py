"""A model that vLLM runs, under a plan for each request."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

from jaxtyping import Float
from torch import Tensor

from steerstack.contracts import Opened
from steerstack.data.prompts import ChatFormat, Prompt
from steerstack.engine.decode.generate import GREEDY, Continuations, count_in_answers
from steerstack.engine.decode.sampling import Sampling, ending, stop_tokens
from steerstack.engine.decode.speak import Reply, as_prompts, checked, text_of
from steerstack.engine.layout.edited_nodes import count_edited
from steerstack.engine.limits import check_fits
from steerstack.engine.overflow import check_scores
from steerstack.engine.score import Group, Scores
from steerstack.errors import SiteError
from steerstack.steering.intervention import Plan
from steerstack.steering.limits import overflow
from steerstack.steering.plan_argument import Applied, as_plans
from steerstack.steering.site import Component
from steerstack.steering.tokens import TokenSequence
from steerstack.steering.vector import SteeringVector
from steerstack.trace.model import Model
from steerstack_plugins.backends.vllm_model.request import Placement, WritingTask
from steerstack_plugins.backends.vllm_model.runner import RequestRunner


@dataclass(frozen=True)
class WrittenOn:
    """What was written on after a prompt.

    Attributes
    ----------
    tokens:
        The new token ids, the one that ended the answer included.
    logp:
        The log-probability (nats) of each under the model, whatever the temperature.
    """

    tokens: tuple[int, ...]
    logp: tuple[float, ...]


@final
class VllmModel(Opened):
    """A model opened by vLLM.

    Parameters
    ----------
    llm:
        What :func:`~steerstack_plugins.backends.vllm_model.start.start` gives.
    known:
        The same model as transformers opens it, for its template, its sites and its fingerprint; its weights may be
        gone.

    Attributes
    ----------
    known:
        The model as transformers opens it.
    absent:
        Components where an edit does not do here what it does there, and what was seen.
    """

    def __init__(self, llm: Any, known: Model) -> None:
        self.known = known
        self._runner = RequestRunner(llm, known.name, known.n_layers, known.config.model_type)
        self.absent: dict[Component, str] = {}

    @property
    def llm(self) -> Any:
        """vLLM's own object, a ``vllm.LLM``."""
        return self._runner.llm

    @property
    def name(self) -> str:
        """What it was opened from."""
        return self.known.name

    @property
    def engine(self) -> str:
        """vLLM and its version."""
        return f"vllm {self._runner.version}"

    @property
    def fingerprint(self) -> str:
        """Digest of the weights, as transformers loads them."""
        return self.known.fingerprint

    @property
    def format(self) -> ChatFormat:
        """How conversations become tokens."""
        return self.known.format

    def check_vector(self, vector: SteeringVector, *, transfer: bool = False) -> None:
        """Refuse a vector that does not belong to this model; see :meth:`steerstack.trace.model.Model.check_vector`."""
        self.known.check_vector(vector, transfer=transfer)

    def check_plan(self, plan: Plan) -> None:
        """Refuse a plan that does not fit the model, or cannot be carried out by vLLM.

        Raises
        ------
        SiteError, ModelError
            It does not, or cannot.
        """
        self.known.check_plan(plan)
        for sentence in self.portable(plan):
            raise SiteError(sentence, fix="Use resid_pre or resid_post, or steerstack's own engine.")

    def portable(self, plan: Plan) -> Sequence[str]:
        """Edits at components that were found not to be the same here."""
        return [
            f"An edit at {site} is not the same on vLLM's {self.name}: {self.absent[site.component]}."
            for site in plan.sites
            if site.component in self.absent
        ]

    @property
    def longest(self) -> int:
        """Tokens of the longest text with its answer."""
        return self._runner.longest

    def bound(self, window: int, off: float, rounding: float) -> None:
        """Keep to texts within a window of attention (tokens) where numbers beyond it are ``off`` by more (nats)."""
        if off > rounding:
            self._runner.longest = window
            self._runner.bounded_by = f"its window, beyond which vLLM's numbers are off by {off:.2g} nats"

    def logits(self, sequence: TokenSequence, plan: Plan) -> Float[Tensor, "token vocab"]:
        """Logits of one unpadded sequence under a plan, in float32."""
        return self.all_logits([sequence], [plan])[0]

    def all_logits(
        self, sequences: Sequence[TokenSequence], plans: Sequence[Plan]
    ) -> list[Float[Tensor, "token vocab"]]:
        """Logits of several sequences, each under a plan of its own, run together."""
        self._check(plans)
        check_fits(self.known, sequences, new=1)
        place = Placement(plans)
        requests = [
            place.request(f"text {number}", sequence, plan)
            for number, (sequence, plan) in enumerate(zip(sequences, plans, strict=True), 1)
        ]
        outcomes = self._runner.run(requests, [{"skip_reading_prefix_cache": True}] * len(requests), logits=True)
        return [one.logits for one in outcomes if one.logits is not None]

    def score(self, groups: Sequence[Group], arms: Sequence[Plan], *, names: Sequence[str] = ()) -> list[Scores]:
        """Log-probabilities of every answer under every arm; as :func:`steerstack.engine.score.score`.

        All sequences run under all arms together, each as a request of its own.
        """
        self._check(arms)
        labels = names or [str(index + 1) for index in range(len(groups))]
        texts = [
            (index, f"item {labels[index]!r}, answer {slot}", sequence)
            for index, group in enumerate(groups)
            for slot, sequence in enumerate(group, 1)
        ]
        check_fits(self.known, [text for *_, text in texts], lambda at: f"The text of {texts[at][1]}", new=1)
        counts = [count_edited(plan, groups).require(plan) for plan in arms]
        place = Placement(arms)
        every = [(arm, *text) for arm in range(len(arms)) for text in texts]
        requests = [place.request(f"{name}, under plan {arm + 1}", text, arms[arm]) for arm, _, name, text in every]
        outcomes = self._runner.run(requests, [{"prompt_logprobs": 0}] * len(requests))
        values: list[list[list[list[float]]]] = [[[] for _ in groups] for _ in arms]
        for (arm, index, _, text), one in zip(every, outcomes, strict=True):
            logprobs = one.output.prompt_logprobs
            answer = range(text.answer_start, len(text))
            values[arm][index].append([logprobs[at][text.ids[at]].logprob for at in answer])
        for plan, of_arm in zip(arms, values, strict=True):
            check_scores(self.known, plan, of_arm)
        return [Scores(of_arm, count) for of_arm, count in zip(values, counts, strict=True)]

    def generate(
        self, prompts: Sequence[TokenSequence], arms: Sequence[Plan], sampling: Sampling = GREEDY
    ) -> list[Continuations]:
        """Continue every prompt under every arm, all together; as :func:`steerstack.engine.decode.generate.generate`.

        Greedy answers are those of the reference engine. Drawn ones are drawn by vLLM, from the same distributions and
        by other numbers: with a seed for each prompt, the same under every arm.

        Texts that end an answer are looked for once it is written, and what follows the first of them is left out.
        """
        over = ending(self.known, stop_tokens(self.known), sampling)
        answers = [
            [_up_to_its_end(one.tokens, over) for one in of_arm] for of_arm in self.written(prompts, arms, sampling)
        ]
        return [
            Continuations(of_arm, count_in_answers(plan, prompts, of_arm).require(plan))
            for plan, of_arm in zip(arms, answers, strict=True)
        ]

    def written(
        self, prompts: Sequence[TokenSequence], arms: Sequence[Plan], sampling: Sampling
    ) -> list[list[WrittenOn]]:
        """As :meth:`generate`, with the log-probability of every token: a list by arm of a list by prompt.

        Only a token ends an answer here, no text.
        """
        every = [
            WritingTask(f"prompt {number} under plan {arm}", prompt, plan, sampling, number - 1)
            for arm, plan in enumerate(arms, 1)
            for number, prompt in enumerate(prompts, 1)
        ]
        texts = self._write(every)
        return [texts[at : at + len(prompts)] for at in range(0, len(texts), len(prompts))]

    def written_each(
        self, prompts: Sequence[TokenSequence], plans: Sequence[Plan], sampling: Sampling
    ) -> list[WrittenOn]:
        """As :meth:`written`, each prompt under a plan of its own: as many plans as prompts, all run together."""
        each = enumerate(zip(prompts, plans, strict=True))
        return self._write([WritingTask(f"prompt {at + 1}", *one, sampling, at) for at, one in each])

    def generate_each(
        self, prompts: Sequence[TokenSequence], plans: Sequence[Plan], samplings: Sequence[Sampling]
    ) -> list[tuple[int, ...]]:
        """As :meth:`generate`, each prompt under its own plan, and drawn in its own way as if it stood alone."""
        each = enumerate(zip(prompts, plans, samplings, strict=True), 1)
        texts = self._write([WritingTask(f"prompt {number}", *one) for number, one in each])
        stops = stop_tokens(self.known)
        return [
            _up_to_its_end(one.tokens, ending(self.known, stops, sampling))
            for one, sampling in zip(texts, samplings, strict=True)
        ]

    def _write(self, every: Sequence[WritingTask]) -> list[WrittenOn]:
        plans, stops = [one.plan for one in every], sorted(stop_tokens(self.known))
        self._check(plans)
        place, requests, settings = Placement(plans), [], []
        for one in every:
            new = one.sampling.max_new_tokens
            check_fits(self.known, [one.prompt], one.title, new=new)
            requests.append(place.request(one.name, one.prompt, one.plan, new))
            settings.append({"stop_token_ids": stops, "logprobs": 0, "max_tokens": new, **one.draw})
        outcomes = self._runner.run(requests, settings)
        return [self._written(one.plan, of.output.outputs[0]) for one, of in zip(requests, outcomes, strict=True)]

    def speak(
        self, prompts: Sequence[str | Prompt], plans: Iterable[Applied] = (None,), sampling: Sampling = GREEDY
    ) -> list[list[Reply]]:
        """What it says to every prompt under every plan: a list by prompt of a list by plan."""
        sequences = [self.format.sequence(prompt) for prompt in as_prompts(prompts)]
        acting, text = as_plans(plans), text_of(self.known)
        answers = [continuations.tokens for continuations in self.generate(sequences, acting, checked(sampling))]

        def reply(arm: int, index: int) -> Reply:
            tokens = answers[arm][index]
            edited = count_in_answers(acting[arm], [sequences[index]], [tokens])
            return Reply(text(list(tokens)), tokens, edited.positions)

        return [[reply(arm, index) for arm in range(len(acting))] for index in range(len(sequences))]

    def close(self) -> None:
        """End vLLM in this process, so that another model can be opened by it."""
        self._runner.close()

    def _check(self, plans: Iterable[Plan]) -> None:
        for plan in plans:
            self.check_plan(plan)

    def _written(self, plan: Plan, output: Any) -> WrittenOn:
        tokens = tuple(output.token_ids)
        logp = tuple(of[token].logprob for of, token in zip(output.logprobs, tokens, strict=True))
        bad = sum(not math.isfinite(value) for value in logp)
        if bad:
            seen = f"{bad} of {len(tokens)} log-probabilities are not finite"
            raise overflow(plan, self.known.dtype, self.name, seen)
        return WrittenOn(tokens, logp)


def _up_to_its_end(tokens: tuple[int, ...], over: Callable[[Sequence[int]], bool]) -> tuple[int, ...]:
    return tokens[: next((n for n in range(1, len(tokens)) if over(tokens[:n])), len(tokens))]
