"""A method as a study names it: by its name, with its parameters beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PrivateAttr

from steerstack.catalog.lookup import find, full_name
from steerstack.contracts.method import Method


class MethodRef(BaseModel):
    """A method by name, with its parameters beside it: ``{name: lora-sft, epochs: 2}``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    _method: Method | None = PrivateAttr(None)

    @property
    def parameters(self) -> dict[str, Any]:
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
        made = cls(name=full_name(kind, method), **method.parameters())
        made._method = method
        return made


def _bases() -> dict[str, type[Method]]:
    from steerstack.contracts import Baseline, Edit, Extractor, Labeller

    return {"extractor": Extractor, "baseline": Baseline, "edit": Edit, "labeller": Labeller}


def _read(value: Any) -> Any:
    """A bare name, or the method itself; the folder of a peft adapter stands for the adapter."""
    if isinstance(value, str):
        adapter = (Path(value) / "adapter_config.json").is_file()
        return MethodRef(name="peft-adapter", path=value) if adapter else MethodRef(name=value)  # type: ignore[call-arg]
    return MethodRef.of(value) if isinstance(value, Method) else value


Reference = Annotated[MethodRef, BeforeValidator(_read)]
"""The type of a field that names a method: a name, a name with parameters, or the method itself."""
