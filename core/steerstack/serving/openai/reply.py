"""Answers to requests: what the engine gives, in OpenAI's form."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import steerstack
from steerstack.engine.decode.sampling import Sampling, stop_tokens
from steerstack.engine.decode.stream import before
from steerstack.engine.layout.edited_nodes import Count, edited_positions
from steerstack.engine.layout.reach import context
from steerstack.engine.limits import check_fits
from steerstack.errors import ArgumentError
from steerstack.serving.openai.completion import Completion
from steerstack.serving.openai.pieces import PieceTeller, Say, offsets
from steerstack.serving.openai.refusal import UnknownNameError
from steerstack.serving.openai.texts import PromptReader
from steerstack.steering.tokens import TokenSequence

if TYPE_CHECKING:
    from steerstack.engine.top_tokens import Guess
    from steerstack.serving.openai.engine import ServedEngine
    from steerstack.serving.openai.form import ChatForm, CompletionForm
    from steerstack.serving.openai.vectors import VectorShelf
    from steerstack.steering.intervention import Plan

Alive = Callable[[], None]
"""Called in between; it raises to end work that nobody waits for any more."""

USUAL_TEMPERATURE = 1.0
"""That of OpenAI's protocol where a request names none."""


class Responder:
    """Answers requests, from several threads where the engine runs several at once.

    Parameters
    ----------
    engine:
        Who computes.
    shelf:
        Vectors that requests may name.
    names:
        By which the model may be asked for.

    Attributes
    ----------
    together:
        How many requests may be at work at once.
    """

    def __init__(self, engine: ServedEngine, shelf: VectorShelf, names: Sequence[str]) -> None:
        self._engine, self._shelf, self._names = engine, shelf, list(dict.fromkeys(names))
        self._model, self._reader = engine.model, PromptReader(engine.model)
        self._begun = int(time.time())
        self.together = engine.together
        self._own = threading.Lock()  # of all that is not the engine's work: vectors, tokenizer

    def models(self) -> dict[str, Any]:
        """``GET /v1/models``."""
        about = {"object": "model", "created": self._begun, "owned_by": "steerstack", "steerstack": self._about()}
        data = [{"id": name, **about} for name in self._names]
        return {"object": "list", "data": data}

    def complete(self, form: CompletionForm, alive: Alive, say: Say | None = None) -> dict[str, Any]:
        """``POST /v1/completions``; ``say`` is told of each piece of text. Raises SteerstackError."""
        with self._own:
            return self._complete(form, alive, say)

    def chat(self, form: ChatForm, alive: Alive, say: Say | None = None) -> dict[str, Any]:
        """``POST /v1/chat/completions``; ``say`` is told of each piece of text. Raises SteerstackError."""
        with self._own:
            return self._chat(form, alive, say)

    def _complete(self, form: CompletionForm, alive: Alive, say: Say | None) -> dict[str, Any]:
        plan, told = self._plan(form)
        prompts = [self._reader.written(prompt) for prompt in form.prompts]
        if form.echo and form.logprobs is not None:
            for prompt in prompts:
                self._reader.check_echo(prompt, plan)
        sampling = self._sampling(form, form.new)
        reads = None if form.logprobs is None else max(form.logprobs, 1)
        starts = [1 if form.echo else len(prompt) for prompt in prompts]
        answers = self._answers(prompts, starts, plan, sampling, reads, alive, say)
        choices = [
            {
                "index": index,
                "text": (self._text(answer.whole.ids[: answer.whole.answer_start]) if form.echo else "") + answer.text,
                "finish_reason": "stop" if answer.stopped else "length",
                "logprobs": None if form.logprobs is None else self._listed(answer, form.logprobs, bool(form.echo)),
            }
            for index, answer in enumerate(answers)
        ]
        return self._reply("text_completion", "cmpl", form.model, choices, answers, told, plan, sampling)

    def _chat(self, form: ChatForm, alive: Alive, say: Say | None) -> dict[str, Any]:
        plan, told = self._plan(form)
        prompt = self._reader.chat(form)
        limit = context(self._model)
        room = None if limit is None else max(limit - len(prompt) + 1, 1)
        if form.new is None and room is None:
            raise ArgumentError("This model sets no bound on an answer.", fix="Give max_tokens.")
        sampling = self._sampling(form, form.new or room or 1)
        reads = max(form.top_logprobs or 0, 1) if form.logprobs else None
        answers = self._answers([prompt], [len(prompt)], plan, sampling, reads, alive, say)
        choices = [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer.text, "refusal": None},
                "finish_reason": "stop" if answer.stopped else "length",
                "logprobs": {"content": self._content(answer, form.top_logprobs or 0), "refusal": None}
                if form.logprobs
                else None,
            }
            for answer in answers
        ]
        return self._reply("chat.completion", "chatcmpl", form.model, choices, answers, told, plan, sampling)

    def _plan(self, form: CompletionForm | ChatForm) -> tuple[Plan, list[dict[str, object]]]:
        if form.served not in self._names:
            raise UnknownNameError(
                f"There is no model {form.served[:200]!r} here.", seen=f"served: {', '.join(self._names)}"
            )
        plan, told = self._shelf.plan(form.steered)
        self._engine.check(plan)
        return plan, told

    def _sampling(self, form: CompletionForm | ChatForm, new: int) -> Sampling:
        temperature = USUAL_TEMPERATURE if form.temperature is None else form.temperature
        drawn = form.seed is None and temperature > 0
        seed = secrets.randbelow(1 << 31) if drawn else form.seed or 0  # told, so that the answer can be had again
        return Sampling(new, temperature, 1.0, seed, form.stops)

    def _answers(
        self,
        prompts: Sequence[TokenSequence],
        starts: Sequence[int],
        plan: Plan,
        sampling: Sampling,
        reads: int | None,
        alive: Alive,
        say: Say | None,
    ) -> list[Completion]:
        check_fits(self._model, prompts, lambda at: f"Prompt {at + 1}", new=sampling.max_new_tokens)
        new: list[tuple[int, ...]] = [()] * len(prompts)
        tellers = [PieceTeller(self._said, sampling.stop, partial(say or _nobody, at)) for at in range(len(prompts))]
        if sampling.max_new_tokens:
            told = _tell(tellers) if say else _nobody
            with self._engine_at_work():
                new = self._engine.generate(prompts, plan, sampling, alive, told)
        wholes = [
            TokenSequence(
                prompt.ids + more, prompt.response_start, len(prompt), prompt.think, prompt.reply_start,
                prompt.unfinished,
            )
            for prompt, more in zip(prompts, new, strict=True)
        ]  # fmt: skip
        edited = [Count(len(edited_positions(plan, [whole])), 1).require(plan).positions for whole in wholes]
        guesses: Sequence[Sequence[Guess] | None] = [None] * len(wholes)
        if reads is not None:
            with self._engine_at_work():
                guesses = self._engine.read(wholes, starts, plan, reads, alive)
        stops = stop_tokens(self._model)
        answers = []
        for whole, more, count, start, of in zip(wholes, new, edited, starts, guesses, strict=True):
            said = self._said(more)
            text = before(said, sampling.stop)
            at_end = bool(more) and (more[-1] in stops or len(text) < len(said))
            answers.append(Completion(whole, text, at_end, count, start, of))
        for teller, answer in zip(tellers, answers, strict=True):
            teller.rest(answer.text)
        return answers

    @contextmanager
    def _engine_at_work(self) -> Iterator[None]:
        """Meanwhile other requests may be read and answered."""
        self._own.release()
        try:
            yield
        finally:
            self._own.acquire()

    def _said(self, ids: Sequence[int]) -> str:
        """The text of an answer, without special tokens."""
        return str(self._model.tokenizer.decode(list(ids), skip_special_tokens=True)) if ids else ""

    def _listed(self, answer: Completion, top: int, echo: bool) -> dict[str, Any]:
        """Log-probabilities as completions have them; the first token of a text has none."""
        assert answer.guesses is not None
        ids = answer.whole.ids[0 if echo else answer.start :]
        guesses: list[Guess | None] = [*([None] if echo else []), *answer.guesses]
        words = [self._text([token]) for token in ids]
        return {
            "tokens": words,
            "token_logprobs": [guess and guess.logp for guess in guesses],
            "top_logprobs": [
                guess and self._tops(guess, word, top) for guess, word in zip(guesses, words, strict=True)
            ],
            "text_offset": offsets(self._text, ids),
        }

    def _tops(self, guess: Guess, word: str, top: int) -> dict[str, float]:
        """The likeliest tokens, and the one that stands there, by text; of tokens of one text the likeliest is told."""
        tops: dict[str, float] = {}
        for token, logp in guess.likeliest[:top]:
            tops.setdefault(self._text([token]), logp)
        tops.setdefault(word, guess.logp)
        return tops

    def _content(self, answer: Completion, top: int) -> list[dict[str, Any]]:
        assert answer.guesses is not None

        def entry(token: int, logp: float) -> dict[str, Any]:
            word = self._text([token])
            return {"token": word, "logprob": logp, "bytes": list(word.encode())}

        return [
            {**entry(token, guess.logp), "top_logprobs": [entry(*one) for one in guess.likeliest[:top]]}
            for token, guess in zip(answer.new, answer.guesses, strict=True)
        ]

    def _text(self, ids: Sequence[int]) -> str:
        return str(self._model.tokenizer.decode(list(ids), skip_special_tokens=False))

    def _about(self) -> dict[str, Any]:
        """Who answers: the engine, its version, and the weights."""
        model = self._model
        return {
            "engine": self._engine.name, "version": steerstack.__version__, "model": model.name,
            "revision": model.revision, "fingerprint": model.fingerprint,
            "dtype": str(model.dtype).removeprefix("torch."),
        }  # fmt: skip

    def _reply(
        self,
        kind: str,
        prefix: str,
        model: str,
        choices: list[dict[str, Any]],
        answers: Sequence[Completion],
        told: list[dict[str, object]],
        plan: Plan,
        sampling: Sampling,
    ) -> dict[str, Any]:
        asked = sum(answer.whole.answer_start for answer in answers)
        new = sum(len(answer.new) for answer in answers)
        edited = [answer.edited for answer in answers]
        about = {
            **self._about(), "steering": told, "plan": plan.fingerprint if len(plan) else None,
            "edited_rows": sum(edited), "edited_rows_by_choice": edited,
            "seed": sampling.seed if sampling.temperature > 0 else None,
        }  # fmt: skip
        return {
            "id": f"{prefix}-{secrets.token_hex(12)}", "object": kind, "created": int(time.time()), "model": model,
            "choices": choices, "steerstack": about,
            "usage": {"prompt_tokens": asked, "completion_tokens": new, "total_tokens": asked + new},
        }  # fmt: skip


def _tell(tellers: Sequence[PieceTeller]) -> Callable[[int, int], None]:
    return lambda index, token: tellers[index].token(token)


def _nobody(_index: int, _what: object) -> None:
    """Nobody is told."""
