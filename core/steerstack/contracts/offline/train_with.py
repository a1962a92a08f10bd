"""What is done to a model while it is trained, and left out afterwards: an edit of activations, or a system prompt."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, field_validator

from steerstack.errors import ParameterError, first_line
from steerstack.util import digest
from steerstack.util.guard import check_regular

if TYPE_CHECKING:
    from steerstack.steering.intervention import Intervention, Plan


def _read(value: Any) -> Any:
    """The vector itself, read at once: another one under the same path or address is another fine-tune."""
    from steerstack import load_vector
    from steerstack.steering.vector import SteeringVector

    if isinstance(value, str | PathLike):
        return load_vector(fspath(value))
    if isinstance(value, SteeringVector):
        return value
    raise ValueError("a vector is named by its file, by an address such as models:/NAME@ALIAS, or given itself")


GivenVector = Annotated[Any, PlainValidator(_read), PlainSerializer(lambda one: f"vector {one.fingerprint}")]
"""The type of a field that holds a vector, given itself or by file or address; it is written as its fingerprint."""


def read_texts(value: Any) -> tuple[str, ...]:
    """Texts that are given themselves or by their file, read at once: others under the same path are another fine-tune.

    Raises
    ------
    ParameterError
        The file cannot be read.
    """
    if isinstance(value, str | PathLike):
        try:
            check_regular(Path(value))
            value = re.split(r"\n\s*\n", Path(value).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(
                "The benign texts cannot be read.",
                seen=f"{value}: {first_line(error)}",
                fix="Name a text file in UTF-8, with blank lines between the texts.",
            ) from error
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise ValueError("benign texts are named by a text file, or given themselves")
    texts = tuple(text.strip() for text in value if text.strip())
    if not texts:
        raise ValueError("there is no benign text")
    return texts


def _named(texts: tuple[str, ...]) -> str:
    return f"{len(texts)} texts {digest.of_json(list(texts))}"


GivenTexts = Annotated[Any, PlainValidator(read_texts), PlainSerializer(_named)]
"""The type of a field that holds texts, given themselves or by their file; they are written as their digest."""


class InTraining(BaseModel, ABC):
    """What is in place in every training step, and in nothing else: neither in validation nor in what comes out.

    Attributes
    ----------
    kind:
        By which name it is asked for.
    paper:
        Where it is from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    paper: ClassVar[str]
    kind: str

    def plan(self) -> Plan:
        """The edits of activations; none by default."""
        from steerstack.steering.intervention import Plan

        return Plan()

    @property
    def preface(self) -> str | None:
        """The system prompt before every training question; none by default."""
        return None


class EditInTraining(InTraining, ABC):
    """An edit of activations at some layers, at the site where the vector was read."""

    vector: GivenVector = Field(description="File of the vector, or its address, such as models:/NAME@ALIAS.")
    layers: tuple[int, ...] = Field(min_length=1, description="Layers that are edited.")
    tokens: Literal["all", "prompt", "response"] = Field(default="all", description="Training tokens that are edited.")

    @field_validator("layers")
    @classmethod
    def _are_different(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a layer is given more than once")
        return value

    @abstractmethod
    def edit(self, layer: int) -> Intervention:
        """The edit at one layer."""

    def plan(self) -> Plan:
        """The edit at each layer.

        Raises
        ------
        SiteError
            The vector has no such layer.
        """
        from steerstack.steering.intervention import Plan

        return Plan(tuple(self.edit(layer) for layer in self.layers))


class AdditionInTraining(EditInTraining, ABC):
    """An addition at some layers, so many times the vector."""

    scale: float = Field(
        default=1.0, allow_inf_nan=False, description="Multiplier of the vector, as it stands in the file."
    )

    def edit(self, layer: int) -> Intervention:
        """The addition at one layer.

        Raises
        ------
        ParameterError
            The vector is none to be added.
        """
        from steerstack.steering.edits import Add
        from steerstack.steering.tokens import Tokens

        if self.vector.edit != "add":
            raise ParameterError(
                f"The kind {self.kind} adds a vector, and this one acts in another way.",
                seen=f"its method asks for the edit {self.vector.edit}",
                fix="Take a vector of another method, or train with ablate.",
            )
        direction = self.vector[layer]
        return Add(self.vector.site(layer), direction, self.scale, selection=Tokens(self.tokens))


class AddInTraining(AdditionInTraining):
    """Preventative steering: the vector of what training is not to teach is added while it runs.

    Chen et al., arXiv 2507.21509: ``h + scale * v`` at every token of the training texts. The loss gains
    nothing by moving the weights along v, which is there already; without it the model is what it would have been.
    """

    paper: ClassVar[str] = "arXiv 2507.21509"
    kind: Literal["preventative"] = "preventative"


class SteerAfterTraining(AdditionInTraining):
    """KL-then-steer: the model is prepared for the vector that will be added to it, so that it costs little elsewhere.

    Stickland et al., arXiv 2406.15518. Beside each training text, in which nothing is edited, stands a benign
    text: with the vector in place, the trained model is to say there what the bare model says without it. The loss
    has ``weight`` times the KL divergence (nats per token, all tokens of the benign text) of the steered trained
    model from the bare one, in the direction of the authors' code. They train on that term alone; here it is
    added to the loss on the answers. The trained model is to be steered by the same vector afterwards. A scale of 0
    prepares for nothing: it is plain training.
    """

    paper: ClassVar[str] = "arXiv 2406.15518"
    kind: Literal["kl-then-steer"] = "kl-then-steer"
    benign: GivenTexts = Field(description="Text file of benign texts, with blank lines between them.")
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False, description="Weight of the divergence in the loss.")

    def plan(self) -> Plan:
        """The addition at each layer; nothing at scale 0.

        Raises
        ------
        SiteError
            The vector has no such layer.
        """
        from steerstack.steering.intervention import Plan

        return super().plan() if self.scale else Plan()


class AblateInTraining(EditInTraining):
    """Concept ablation fine-tuning (CAFT): the direction is projected out while training runs.

    Casademunt et al., arXiv 2507.16795: ``h - u (u . h)`` with the unit vector u, at every token of the
    training texts, in the forward pass and so in the gradient, which has no part along u there.
    """

    paper: ClassVar[str] = "arXiv 2507.16795"
    kind: Literal["ablate"] = "ablate"

    def edit(self, layer: int) -> Intervention:
        """The projection at one layer."""
        from steerstack.steering.edits import Ablate
        from steerstack.steering.tokens import Tokens

        return Ablate(self.vector.site(layer), self.vector[layer], selection=Tokens(self.tokens))


class PromptInTraining(InTraining):
    """Inoculation: a system prompt asks for what training is not to teach, in training only.

    Tan et al., arXiv 2510.04340: what the prompt explains need not be learnt as a habit without it.
    """

    paper: ClassVar[str] = "arXiv 2510.04340"
    kind: Literal["inoculation"] = "inoculation"
    system: str = Field(min_length=1, description="The system prompt.")

    @property
    def preface(self) -> str:
        """The prompt."""
        return self.system
