"""Text in, text out: prompts continued under plans, beside each other, streamed where that is wanted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import count_in_answers
from steerstack.engine.decode.generate import generate as decode
from steerstack.engine.decode.sampling import Sampling
from steerstack.engine.decode.stream import Decode, TextStream
from steerstack.errors import ArgumentError
from steerstack.steering.intervention import Plan
from steerstack.steering.plan_argument import Applied, as_plans
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model
from steerstack.trace.model_argument import as_model

Heard = Callable[[int, int, str], None]
"""Told of every piece of text: the places of its plan and of its prompt, and the piece."""


@dataclass(frozen=True)
class Reply:
    """What a model said to one prompt under one plan.

    Attributes
    ----------
    text:
        The answer, without special tokens.
    tokens:
        The new token ids, the one that ended the answer included.
    edited_positions:
        Number of positions of the prompt and the answer that the plan edited.
    """

    text: str
    tokens: tuple[int, ...]
    edited_positions: int


def speak(
    model: Model,
    prompts: Sequence[Prompt],
    plans: Sequence[Plan],
    sampling: Sampling,
    *,
    heard: Heard | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[list[Reply]]:
    """What a model says to every prompt under every plan: a list by prompt of a list by plan.

    The most likely tokens are found for all plans together. Drawn ones are drawn plan by plan with the same seed,
    so that an answer does not depend on what it is compared with.

    Parameters
    ----------
    heard:
        Told of every piece of text as it comes; of whole answers where the model is on a server or a backend runs it.
    progress:
        Told how many answers are done.

    Raises
    ------
    NothingEditedError
        A plan with edits touched no position of any prompt.
    """
    sequences = [model.format.sequence(prompt) for prompt in prompts]
    together = [list(range(len(plans)))] if sampling.temperature == 0 else [[place] for place in range(len(plans))]
    replies: dict[int, list[Reply]] = {}
    for places in together:
        stream = _Streams(model, places, heard) if heard and model.remote is None else None
        arms = [plans[place] for place in places]
        listener = stream.token if stream else None
        answers = decode(model, sequences, arms, sampling, progress=progress, told=listener)
        for place, of_arm in zip(places, answers, strict=True):
            replies[place] = [
                _spoken(model, plans[place], *pair) for pair in zip(sequences, of_arm.tokens, strict=True)
            ]
            for index, spoken in enumerate(replies[place]):
                if stream:
                    stream.rest(place, index, spoken.text)
                elif heard:
                    heard(place, index, spoken.text)
    return [[replies[place][index] for place in range(len(plans))] for index in range(len(prompts))]


def _spoken(model: Model, plan: Plan, prompt: TokenSequence, tokens: tuple[int, ...]) -> Reply:
    return Reply(text_of(model)(list(tokens)), tokens, count_in_answers(plan, [prompt], [tokens]).positions)


class _Streams:
    """Tells who hears of the pieces of every answer, as they come."""

    def __init__(self, model: Model, places: Sequence[int], heard: Heard) -> None:
        self._decode, self._places, self._heard = text_of(model), places, heard
        self._streams: dict[tuple[int, int], TextStream] = {}

    def token(self, arm: int, index: int, token: int) -> None:
        key = self._places[arm], index
        self._say(key, self._stream(key).token(token))

    def rest(self, place: int, index: int, text: str) -> None:
        """Say what was not said yet of the answer."""
        key = place, index
        self._say(key, self._stream(key).rest(text))

    def _stream(self, key: tuple[int, int]) -> TextStream:
        return self._streams.setdefault(key, TextStream(self._decode))

    def _say(self, key: tuple[int, int], piece: str) -> None:
        if piece:
            self._heard(*key, piece)


def text_of(model: Model) -> Decode:
    """The function by which a model's token ids become text, without special tokens."""
    return lambda tokens: str(model.tokenizer.decode(tokens, skip_special_tokens=True))


def generate(
    model: Model,
    prompts: Sequence[str | Prompt],
    plans: Iterable[Applied] = (None,),
    *,
    system: str | None = None,
    max_new_tokens: int = 64,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    stop: Sequence[str] = (),
) -> list[list[str]]:
    """What a model says to every prompt under every plan, as text: a list by prompt of a list by plan.

    ::

        unsteered, steered = steerstack.generate(model, ["What shall I do?"], [None, vector.at(14)])[0]

    Parameters
    ----------
    model:
        An opened model.
    prompts:
        What the user says, each in the model's own chat format. Earlier turns go into a
        :class:`~steerstack.data.prompts.Prompt`.
    plans:
        Plans or single edits; None for the unsteered model.
    system:
        A system prompt for all of them.
    max_new_tokens:
        Bound on an answer's length.
    temperature:
        0 takes the most likely token, which is what transformers' ``generate`` gives under a forward hook.
    top_p, seed:
        Nucleus and seed of the draws at a temperature above 0.
    stop:
        Texts that end an answer.

    Raises
    ------
    ArgumentError
        A text where a list of texts belongs, a vector where a plan does, or settings out of range.
    NothingEditedError
        A plan with edits touched no position.
    """
    messages, model = as_prompts(prompts, system), as_model(model)
    acting = as_plans(plans)
    sampling = checked(Sampling(max_new_tokens, temperature, top_p, seed, tuple(stop)))
    return [[spoken.text for spoken in row] for row in speak(model, messages, acting, sampling)]


def as_prompts(prompts: Sequence[str | Prompt], system: str | None = None) -> list[Prompt]:
    """Texts as prompts; raises ArgumentError for what is neither."""
    if isinstance(prompts, str | Prompt):
        raise ArgumentError(
            "The prompts are one text, not a list of texts.",
            seen=repr(prompts)[:60],
            fix="Write [text], or model.generate(text, plan) for a single answer.",
        )
    messages = [Prompt(one, system) if isinstance(one, str) else one for one in prompts]
    for one in messages:
        if not isinstance(one, Prompt):
            raise ArgumentError(f"A {type(one).__name__} is no prompt.", fix="Give texts, or Prompt objects.")
        if not one.user.strip():
            raise ArgumentError("A prompt is empty.", seen=repr(one.user), fix="Write what the user says.")
    if not messages:
        raise ArgumentError("There is no prompt.", fix="Give at least one text.")
    return messages


def checked(sampling: Sampling) -> Sampling:
    """The sampling itself; raises ArgumentError for a setting out of range."""
    for fits, name, value, needs in (
        (sampling.max_new_tokens >= 1, "max_new_tokens", sampling.max_new_tokens, "1 or more"),
        (0 <= sampling.temperature < float("inf"), "temperature", sampling.temperature, "0 or more"),
        (0 < sampling.top_p <= 1, "top_p", sampling.top_p, "above 0, and at most 1"),
    ):
        if not fits:
            raise ArgumentError(f"The {name} is {value}.", fix=f"Give {needs}.")
    return sampling
