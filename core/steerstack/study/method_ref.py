"""What a study names: a method by its name with its parameters beside it, a vector by its file or address."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, PlainValidator, PrivateAttr

from steerstack.catalog.lookup import find, full_name
from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from steerstack.steering.vector import SteeringVector


class MethodRef(BaseModel):
    """A method by name, with its parameters beside it: ``{name: lora-sft, epochs: 2}``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    _method: Method | None = PrivateAttr(None)

    @property
    def parameters(self) -> dict[str, object]:
        """Everything beside the name."""
        return dict(self.model_extra or {})

    def make(self, kind: str) -> Any:
        """The method itself, of a kind of :func:`steerstack.catalog.lookup.find`.

        Raises
        ------
        PluginError
            There is none of that name.
        ParameterError
            A parameter does not exist or does not fit.
        """
        return self._method or find(kind, self.name).make(self.parameters)

    @classmethod
    def of(cls, method: Method, kind: str = "") -> MethodRef:
        """The reference to a method that is at hand, installed or not; its kind follows from its class."""
        kind = kind or next((k for k, base in _bases().items() if isinstance(method, base)), "extractor")
        reference = cls(name=full_name(kind, method), **method.parameters())
        reference._method = method
        return reference


def _bases() -> dict[str, type[Method]]:
    from steerstack.contracts import Baseline, Edit, Extractor, Labeller, Reward

    return {"extractor": Extractor, "baseline": Baseline, "edit": Edit, "labeller": Labeller, "reward": Reward}


def _read(value: Any) -> Any:
    """A bare name, or the method itself; the folder of a peft adapter stands for the adapter."""
    if isinstance(value, str):
        adapter = os.path.isfile(os.path.join(value, "adapter_config.json"))
        return MethodRef(name="peft-adapter", path=value) if adapter else MethodRef(name=value)  # type: ignore[call-arg]
    return MethodRef.of(value) if isinstance(value, Method) else value


Reference = Annotated[MethodRef, BeforeValidator(_read)]
"""The type of a field that names a method: a name, a name with parameters, or the method itself."""


def _check_vector(value: Any) -> Any:
    if value is None or isinstance(value, str) or hasattr(value, "directions"):
        return value
    if hasattr(value, "__fspath__"):
        return str(value)
    raise ValueError("a vector is named by its file, by an address such as models:/NAME@ALIAS, or given itself")


def _write_vector(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else f"vector {value.fingerprint}"


VectorReference = Annotated[Any, PlainValidator(_check_vector), PlainSerializer(_write_vector, when_used="json")]
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
