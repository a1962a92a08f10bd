"""What clients ask for, as OpenAI's protocol writes it: what would change numbers is carried out or refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import parse_qsl

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from steerstack.errors import ArgumentError
from steerstack.exchange.plan_file import known_tokens
from steerstack.steering.origin import TRANSFER
from steerstack.util.text import broken

NEUTRAL: dict[str, tuple[object, ...]] = {
    "n": (1,), "best_of": (1,), "top_p": (1,), "presence_penalty": (0,), "frequency_penalty": (0,),
    "logit_bias": ({},), "suffix": ("",), "tools": ([],), "tool_choice": ("none", "auto"),
    "functions": ([],), "response_format": ({"type": "text"},), "store": (False,), "modalities": (["text"],),
    "top_k": (-1, 0), "min_p": (0,), "repetition_penalty": (1,),
}  # fmt: skip
"""Fields that are not carried out, and the values (null besides) at which they change nothing."""

LABELS = ("user", "safety_identifier", "metadata")
"""Fields that say who asks: no number depends on them."""


def _whole(text: str) -> str:
    if character := broken(text):
        raise ValueError(f"the text holds {character}")
    return text


Text = Annotated[StrictStr, AfterValidator(_whole)]
Ids = Annotated[list[Annotated[StrictInt, Field(ge=0)]], Field(min_length=1)]


class SteeringForm(BaseModel):
    """A vector that acts on one request."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    vector: Text = Field(min_length=1, description="models:/NAME@ALIAS, or a name that the server was started with.")
    layer: int | None = Field(None, ge=0, description="The layer at which it acts.")
    layers: tuple[int, ...] | Literal["all"] | None = Field(None, description="Several layers, or all it has.")
    scale: float = Field(1.0, description="Strength: the multiplier of an addition, 1 for a whole ablation.")
    edit: Text | None = Field(None, description="Name of the edit; null for the vector's own.")
    tokens: Annotated[Text, AfterValidator(known_tokens)] = Field(
        "response", description="Which tokens: a selection, or positions as 0,5,-1."
    )
    transfer: bool = Field(False, description=TRANSFER)

    @field_validator("layers", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return value.split(",") if isinstance(value, str) and value != "all" else value

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if self.layer is not None and self.layers is not None:
            raise ValueError("give layer or layers, not both")
        if self.layers == ():
            raise ValueError("layers is empty")
        return self


class StreamForm(BaseModel):
    """How an answer is streamed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    include_usage: StrictBool | None = None
    include_obfuscation: StrictBool | None = None  # which is never done here


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: Text
    temperature: float | None = Field(None, ge=0)
    seed: StrictInt | None = None
    stop: Text | tuple[Text, ...] | None = None
    steering: tuple[SteeringForm, ...] = ()
    stream: StrictBool | None = None
    stream_options: StreamForm | None = None

    @model_validator(mode="before")
    @classmethod
    def _neutral(cls, value: Any) -> Any:
        """Leave out what changes nothing, and refuse what would change numbers and is not carried out."""
        if not isinstance(value, dict):
            return value
        for name, allowed in NEUTRAL.items():
            given = value.get(name)
            if given is not None and not any(given == one and isinstance(given, bool) == isinstance(one, bool)
                                             for one in allowed):  # fmt: skip
                raise ValueError(f"{name} is not offered here but as {allowed[0]!r}: leave it out")
        return {name: of for name, of in value.items() if name not in NEUTRAL and name not in LABELS}

    @model_validator(mode="after")
    def _streamed(self) -> Self:
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options needs stream: true")
        for name in ("logprobs", "echo"):
            if self.stream and getattr(self, name, None) not in (None, False):
                raise ValueError(f"stream with {name} is not offered here: ask for one of them")
        return self

    @field_validator("steering", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return () if value is None else [value] if isinstance(value, dict) else value

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts that end an answer."""
        given = (self.stop,) if isinstance(self.stop, str) else self.stop or ()
        return tuple(text for text in given if text)

    @property
    def served(self) -> str:
        """The model's name alone: what comes after ``?`` says how it is steered."""
        return self.model.partition("?")[0]

    @property
    def steered(self) -> tuple[SteeringForm, ...]:
        """What acts: by the field ``steering``, or by the model's name, ``NAME?vector=V&layer=14&scale=1.5``.

        The latter is for clients that can say nothing else.

        Raises
        ------
        ArgumentError
            Both say something, or the name cannot be read.
        """
        _, mark, query = self.model.partition("?")
        if not mark:
            return self.steering
        if self.steering:
            raise ArgumentError("Both the model's name and the field steering say what acts.", fix="Leave one out.")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
        except ValueError as error:
            raise ArgumentError(
                "What follows the ? in the model's name cannot be read.",
                seen=query[:200],
                fix="Write NAME?vector=V&layer=14&scale=1.5.",
            ) from error
        if len(dict(pairs)) < len(pairs):
            raise ArgumentError("The model's name says something twice.", seen=query[:200])
        return (checked(SteeringForm, dict(pairs)),)


class CompletionForm(_Request):
    """``POST /v1/completions``."""

    prompt: Text | Ids | Annotated[list[Text], Field(min_length=1)] | Annotated[list[Ids], Field(min_length=1)]
    max_tokens: Annotated[StrictInt, Field(ge=0)] | None = None
    logprobs: Annotated[StrictInt, Field(ge=0, le=20)] | None = None
    echo: StrictBool | None = None

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts, each as text or token ids."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        return [self.prompt] if isinstance(self.prompt[0], int) else list(self.prompt)  # type: ignore[list-item, arg-type]

    @property
    def new(self) -> int:
        """How many tokens are to be generated at most."""
        return 16 if self.max_tokens is None else self.max_tokens


class TextPart(BaseModel):
    """A part of a message's content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["text"]
    text: Text


class ChatMessage(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | tuple[TextPart, ...]

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        """Clients send an answer's fields back: those that hold nothing are nothing."""
        return {name: of for name, of in value.items() if of not in (None, [])} if isinstance(value, dict) else value

    @property
    def words(self) -> tuple[str, str]:
        """Role and words."""
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return "system" if self.role == "developer" else self.role, text


class ChatForm(_Request):
    """``POST /v1/chat/completions``."""

    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1)]
    max_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[StrictInt, Field(ge=0, le=20)] | None = None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if None not in (self.max_tokens, self.max_completion_tokens):
            raise ValueError("give max_tokens or max_completion_tokens, not both")
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        return self

    @property
    def new(self) -> int | None:
        """How many tokens are to be generated at most; None for as many as there is room for."""
        return self.max_tokens or self.max_completion_tokens


Form = TypeVar("Form", bound=BaseModel)


def checked(form: type[Form], value: object) -> Form:
    """A request of a form, from JSON as bytes or from a value.

    Raises
    ------
    ArgumentError
        It is not of that form; the field is named.
    """
    try:
        return form.model_validate_json(value) if isinstance(value, bytes) else form.model_validate(value)
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        if first["type"] == "extra_forbidden":
            raise ArgumentError(
                f"There is no field {where[:200]!r} here, and it may change the answer.", fix="Leave it out."
            ) from error
        raise ArgumentError(
            "The request cannot be carried out as it stands.",
            seen=f"{where}: {first['msg'].removeprefix('Value error, ')}"[:300],
        ) from error
