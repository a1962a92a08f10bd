"""The base of every method that a plugin offers: a name, a paper, and typed parameters."""

import re
from abc import ABC
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypedDict

from pydantic import BaseModel, ConfigDict, ValidationError

from steerstack.errors import ParameterError, nearest


class ParameterRow(TypedDict):
    """What is known of a parameter: its name, type and default, whether it must be given, and what it is."""

    name: str
    type: str
    default: object
    required: bool
    description: str


class Method(BaseModel, ABC):
    """A method with typed parameters, checked by pydantic.

    A subclass states its parameters as annotated fields with defaults; Python
    (``Mine(rank=4)``), the command line (``--set rank=4``) and YAML share them. A value of the
    wrong type is refused, and so is a name that does not exist::

        class Mine(Extractor):
            '''What it computes, and the source: paper and equation.'''

            name = "mine"
            paper = "arXiv 2312.06681"

            rank: int = Field(4, ge=1, description="Number of components.")

    Attributes
    ----------
    name:
        How it is asked for.
    paper:
        Where it is from.
    needs:
        What it needs beyond the base installation, in a word each: an extra, a package, a network.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: ClassVar[str]
    paper: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()

    def parameters(self) -> dict[str, object]:
        """The value of every parameter, for the record."""
        return self.model_dump(mode="json")

    @classmethod
    def make(cls, values: Mapping[str, Any] | None = None) -> Self:
        """The method with the given parameters.

        Parameters
        ----------
        values:
            Parameter values by name; text is read as the parameter's type.

        Raises
        ------
        ParameterError
            A name does not exist, or a value is of the wrong type or out of range.
        """
        try:
            return cls.model_validate(dict(values or {}))
        except ValidationError as error:
            raise _refusal(cls, error) from error

    @classmethod
    def describe(cls) -> list[ParameterRow]:
        """Each parameter: name, type, default, whether it is required, and what it is."""
        return [
            {
                "name": name,
                "type": _type_name(field.annotation),
                "default": None if field.is_required() else field.get_default(call_default_factory=True),
                "required": field.is_required(),
                "description": field.description or "",
            }
            for name, field in cls.model_fields.items()
        ]


def _type_name(annotation: Any) -> str:
    """Without the modules that its parts are from."""
    return annotation.__name__ if isinstance(annotation, type) else re.sub(r"\b(?:\w+\.)+(?=\w)", "", str(annotation))


def _refusal(cls: type[Method], error: ValidationError) -> ParameterError:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        return ParameterError(f"{cls.name} has no parameter {name!r}.", fix=nearest(name, cls.model_fields))
    if first["type"] == "missing":
        about = next((row["description"] for row in cls.describe() if row["name"] == name), "")
        return ParameterError(f"{cls.name} needs the parameter {name!r}.", seen=about, fix=f"Add --set {name}=VALUE.")
    return ParameterError(
        f"The parameter {name!r} of {cls.name} does not fit.",
        seen=f"{first.get('input')!r}: {first['msg']}",
        fix=f"`steerstack plugins show {cls.name}` lists types and defaults.",
    )
