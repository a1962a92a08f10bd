"""What the page asks for: a layer, a scale, and a prompt."""

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, StrictInt, ValidationError

from steerstack.errors import ArgumentError
from steerstack.util.text import broken

LONGEST = 20_000
"""Characters of a prompt."""


def _whole(text: str) -> str:
    if character := broken(text):
        raise ValueError(f"the text holds {character}")
    return text


class Knobs(BaseModel):
    """Where the sliders stand.

    Attributes
    ----------
    layer, scale:
        Where the vector acts, and how strongly.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    layer: StrictInt
    scale: FiniteFloat


class Asked(Knobs):
    """A prompt under that setting."""

    prompt: Annotated[str, Field(max_length=LONGEST), AfterValidator(_whole)]


Form = TypeVar("Form", bound=BaseModel)


def read(form: type[Form], body: bytes) -> Form:
    """The request that a body holds.

    Raises
    ------
    ArgumentError
        It is not of that form.
    """
    try:
        return form.model_validate_json(body)
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
        raise ArgumentError(
            "The page sent what cannot be read.",
            seen=f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:300],
            fix="Reload it.",
        ) from error
