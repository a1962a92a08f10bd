"""Values on their way back from a server: numbers, text and tensors as safetensors and JSON, and no pickle.

The JSON is itself a tensor of bytes in the file, since the header of a safetensors file is bounded. Lists,
numbers, text and None stand for themselves; everything else is an object of one key that says what it is.
"""

import dataclasses
import importlib
import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy
import safetensors.torch
import torch
from torch import Tensor

from steerstack.errors import RemoteError, SteerstackError

_TEXT = "json"


def packed(value: Any) -> bytes:
    """A value as bytes.

    Raises
    ------
    TypeError
        It holds something other than numbers, text, tensors, tuples, lists, mappings and dataclasses.
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_plain(value, tensors)).encode()
    return safetensors.torch.save({_TEXT: torch.frombuffer(bytearray(text), dtype=torch.uint8), **tensors})


def unpacked(data: bytes, classes: Collection[type] = (), modules: Collection[str] = ()) -> Any:
    """The value again.

    Parameters
    ----------
    data:
        Bytes from anybody: nothing in them decides what is imported or called.
    classes:
        Dataclasses of which, or of whose subclasses, it may hold values.
    modules:
        Modules that may be imported to find a subclass: those that went to the server with the call.

    Raises
    ------
    RemoteError
        It is malformed, or holds a value of another class.
    """
    try:
        tensors = safetensors.torch.load(data)
        return _Reader(tensors, classes, modules).value(json.loads(tensors[_TEXT].numpy().tobytes()))
    except SteerstackError:  # a class refused what it was to be made of
        raise
    except Exception as error:  # which one comes of a malformed answer is up to those classes
        raise RemoteError(
            "The server's answer is not what was asked for.", seen=f"{type(error).__name__}: {str(error)[:200]}"
        ) from error


def _plain(value: Any, tensors: dict[str, Tensor]) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, list):
        return [_plain(part, tensors) for part in value]
    if isinstance(value, tuple):
        return {"tuple": [_plain(part, tensors) for part in value]}
    if isinstance(value, Mapping):
        return {"dict": [[_plain(key, tensors), _plain(part, tensors)] for key, part in value.items()]}
    if isinstance(value, numpy.generic):
        return value.item()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {part.name: _plain(getattr(value, part.name), tensors) for part in dataclasses.fields(value)}
        return {"object": _name(type(value)), "parts": parts}
    raise TypeError(f"a {type(value).__name__} cannot be sent back; numbers, text, tensors and dataclasses can")


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


class _Reader:
    """Makes values of an answer."""

    def __init__(self, tensors: Mapping[str, Tensor], classes: Collection[type], modules: Collection[str]) -> None:
        self._tensors, self._classes, self._modules = tensors, classes, modules

    def value(self, said: Any) -> Any:
        if isinstance(said, list):
            return [self.value(part) for part in said]
        if not isinstance(said, dict):
            return said
        kind, *_ = said
        if kind == "tensor":
            return self._tensors[said[kind]]
        if kind == "tuple":
            return tuple(self.value(part) for part in said[kind])
        if kind == "dict":
            return {self.value(key): self.value(part) for key, part in said[kind]}
        return self._object(
            self._find(said["object"]), {name: self.value(part) for name, part in said["parts"].items()}
        )

    def _object(self, kind: type, parts: dict[str, Any]) -> Any:
        """Made by its own constructor, so that what that refuses is refused."""
        assert dataclasses.is_dataclass(kind)
        names = {part.name for part in dataclasses.fields(kind) if part.init}
        return kind(**{name: part for name, part in parts.items() if name in names})

    def _find(self, name: str) -> type:
        kind = self._known().get(name)
        home = name.partition(":")[0]
        if kind is None and home in self._modules:
            importlib.import_module(home)
            kind = self._known().get(name)
        if kind is None:
            raise TypeError(f"a value of {name[:100]!r}")
        return kind

    def _known(self) -> dict[str, type]:
        """Names of the classes of which values may come; no other is looked up."""
        kinds, open_ = dict[str, type](), list(self._classes)
        while open_:
            kind = open_.pop()
            open_ += kind.__subclasses__()
            if dataclasses.is_dataclass(kind):
                kinds[_name(kind)] = kind
        return kinds
