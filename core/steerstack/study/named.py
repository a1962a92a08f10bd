"""A method by its name, with its parameters beside it."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict


class Named(BaseModel):
    """A method by name, with its parameters beside it: ``{name: lora-sft, epochs: 2}``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @property
    def parameters(self) -> dict[str, Any]:
        """Everything beside the name."""
        return dict(self.model_extra or {})


def named(method: str | Named) -> Named:
    """A method that may be given by its bare name; the folder of a peft adapter stands for the adapter."""
    if isinstance(method, str) and (Path(method) / "adapter_config.json").is_file():
        return Named.model_validate({"name": "peft-adapter", "path": method})
    return Named(name=method) if isinstance(method, str) else method
