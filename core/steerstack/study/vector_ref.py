"""A vector as a study names it: a file, an address, or the vector itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import PlainSerializer, PlainValidator

if TYPE_CHECKING:
    from steerstack.steering.vector import SteeringVector


def _check(value: Any) -> Any:
    if value is None or isinstance(value, str) or hasattr(value, "directions"):
        return value
    if hasattr(value, "__fspath__"):
        return str(value)
    raise ValueError("a vector is named by its file, by an address such as models:/NAME@ALIAS, or given itself")


def _write(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else f"vector {value.fingerprint}"


VectorReference = Annotated[Any, PlainValidator(_check), PlainSerializer(_write, when_used="json")]
"""The type of a field that names a vector; None for none. A vector itself is written as its fingerprint."""


def vector_at(reference: Any) -> SteeringVector:
    """The vector that a reference names.

    Raises
    ------
    VectorError, RegistryError
        It is not there, or is no vector.
    """
    from steerstack.exchange.load_vector import load_vector

    return load_vector(reference) if isinstance(reference, str) else reference
