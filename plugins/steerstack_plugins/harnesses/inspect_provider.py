"""The model provider ``steerstack`` of Inspect (UK AI Security Institute, inspect.aisi.org.uk).

::

    inspect eval task.py --model steerstack/FOLDER -M plan=plan.yaml

Inspect finds it by the entry point group ``inspect_ai``. Messages are put in the model's own chat format, an
edit of the response begins at the last assistant header, and earlier answers are left alone.

Without a temperature it decodes greedily. Concurrent requests with equal settings decode as one batch; where
tokens are drawn each request decodes by itself, so that a seed gives the same answer whatever runs beside it.
Settings that steered generation does not have, and tools, are refused rather than ignored.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steerstack.data.prompt_text import prompt_of
from steerstack.engine.decode.stream import before
from steerstack.errors import ModelError, ParameterError
from steerstack_plugins.harnesses import require

require("inspect_ai", "inspect")

from inspect_ai.model import (  # noqa: E402  # without Inspect there is nothing to import
    ChatCompletionChoice,
    ChatMessageAssistant,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    TopLogprob,
    modelapi,
)

from steerstack_plugins.harnesses.request_batches import Gathered  # noqa: E402

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage
    from inspect_ai.tool import ToolChoice, ToolInfo

    from steerstack.engine.decode.generate import Sampling
    from steerstack.steering.tokens import TokenSequence

UNSUPPORTED = (
    "best_of",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "top_k",
    "prompt_logprobs",
    "response_schema",
)


@dataclass(frozen=True)
class _Settings:
    sampling: Sampling
    top: int | None  # how many of the likeliest tokens are wanted; None for no log-probabilities


class SteeredAPI(ModelAPI):
    """A model opened by steerstack, under a plan file.

    Parameters
    ----------
    model_name:
        Folder, Hugging Face id, or ``smollm2`` for the embedded model.
    plan:
        Plan file (:mod:`steerstack.exchange.plan_file`); without one the model is unsteered.
    revision, dtype, device, remote:
        As for :func:`steerstack.open_model`.
    model_args:
        There are no others.

    Raises
    ------
    ParameterError
        A model argument does not exist.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  # as Inspect's own providers
        plan: str | None = None,
        revision: str | None = None,
        dtype: str | None = None,
        device: str | None = None,
        remote: str | None = None,
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        from steerstack.errors import nearest
        from steerstack.exchange.plan_file import load_plan
        from steerstack.steering.intervention import Plan
        from steerstack.trace.open import open_model

        if model_args:
            name, known = next(iter(model_args)), ("plan", "revision", "dtype", "device", "remote")
            raise ParameterError(f"The provider has no model argument {name!r}.", fix=nearest(name, known))
        self.model = open_model(model_name, revision=revision, dtype=dtype, device=device, remote=remote)
        self.plan = load_plan(plan, self.model) if plan else Plan()
        self._gathered = Gathered[_Settings, "TokenSequence", ModelOutput](self._run)

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Answer a conversation under the plan.

        Raises
        ------
        ParameterError
            A setting that steered generation does not have, or tools.
        DataError
            The conversation does not fit the chat format.
        ModelError
            The conversation leaves no room for an answer.
        """
        if tools:
            raise ParameterError("Steered models call no tools here.", seen=", ".join(tool.name for tool in tools))
        prompt = self.model.format.sequence(prompt_of([(message.role, message.text) for message in input]))
        settings = self._settings(config, len(prompt))
        alone = settings.sampling.temperature > 0
        return await self._gathered.ask(
            settings, prompt, 1 if alone else config.max_connections or self.max_connections()
        )

    def _settings(self, config: GenerateConfig, prompt_length: int) -> _Settings:
        from steerstack.engine.decode.generate import Sampling

        names = [name for name in UNSUPPORTED if getattr(config, name) is not None]
        if config.num_choices not in (None, 1):
            names.append("num_choices")
        if names:
            raise ParameterError(
                f"Steered generation has no setting {names[0]!r}.",
                seen=f"{names[0]}={getattr(config, names[0])!r}",
                fix="It has max_tokens, temperature, top_p, seed, stop_seqs, logprobs and top_logprobs.",
            )
        limit = getattr(self.model.config, "max_position_embeddings", None)
        most = config.max_tokens or self.max_tokens()
        room = most if limit is None else min(most, limit - prompt_length)
        if room < 1:
            raise ModelError(
                "The conversation leaves no room for an answer.",
                seen=f"{prompt_length} tokens, a context of {limit}",
                fix="Shorten it, or use a model with a longer context.",
            )
        top_p = 1.0 if config.top_p is None else config.top_p
        sampling = Sampling(room, config.temperature or 0.0, top_p, config.seed or 0, tuple(config.stop_seqs or ()))
        return _Settings(sampling, (config.top_logprobs or 0) if config.logprobs else None)

    def _run(self, settings: _Settings, prompts: list[TokenSequence]) -> list[ModelOutput]:
        from steerstack.engine.decode.generate import generate
        from steerstack.engine.decode.sampling import stop_tokens

        start = time.monotonic()
        answers = generate(self.model, prompts, [self.plan], settings.sampling, batch=len(prompts))[0].tokens
        logprobs = self._logprobs(prompts, answers, settings.top)
        took = time.monotonic() - start
        stops = stop_tokens(self.model)
        outputs = []
        for prompt, answer, likelihoods in zip(prompts, answers, logprobs, strict=True):
            whole = str(self.model.tokenizer.decode(list(answer), skip_special_tokens=True))
            text = before(whole, [*filter(None, settings.sampling.stop)])
            at_end = answer[-1] in stops or len(text) < len(whole)
            choice = ChatCompletionChoice(
                message=ChatMessageAssistant(content=text, model=self.model_name, source="generate"),
                stop_reason="stop" if at_end else "max_tokens",
                logprobs=likelihoods,
            )
            usage = ModelUsage(
                input_tokens=len(prompt), output_tokens=len(answer), total_tokens=len(prompt) + len(answer)
            )
            outputs.append(ModelOutput(model=self.model_name, choices=[choice], usage=usage, time=took))
        return outputs

    def _logprobs(
        self, prompts: list[TokenSequence], answers: list[tuple[int, ...]], top: int | None
    ) -> list[Logprobs | None]:
        """Log-probabilities of each answer's tokens under the plan, before temperature and nucleus."""
        from dataclasses import replace

        from steerstack.engine.top_tokens import likeliest

        if top is None:
            return [None] * len(prompts)
        wholes = [replace(prompt, ids=prompt.ids + answer) for prompt, answer in zip(prompts, answers, strict=True)]
        groups = likeliest(self.model, [[whole] for whole in wholes], self.plan, max(top, 1))

        def word(token: int) -> str:
            return str(self.model.tokenizer.decode([token]))

        return [
            Logprobs(
                content=[
                    Logprob(
                        token=word(token),
                        logprob=guess.logp,
                        top_logprobs=[TopLogprob(token=word(t), logprob=value) for t, value in guess.likeliest[:top]],
                    )
                    for token, guess in zip(answer, guesses[0], strict=True)
                ]
            )
            for answer, guesses in zip(answers, groups, strict=True)
        ]

    def max_tokens(self) -> int:
        """Bound on an answer's length where the task sets none."""
        return 2048

    def max_connections(self) -> int:
        """How many requests decode together where the task does not say."""
        return 32

    def collapse_user_messages(self) -> bool:
        """A user's messages in a row are one turn."""
        return True

    def collapse_assistant_messages(self) -> bool:
        """An assistant's messages in a row are one turn."""
        return True


modelapi(name="steerstack")(SteeredAPI)
