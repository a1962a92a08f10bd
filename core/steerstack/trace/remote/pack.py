"""A call as bytes: our own code by reference to its source, a stranger's code by value."""

import functools
import importlib.metadata
import io
import threading
import types
from typing import Any

import torch
from cloudpickle.cloudpickle import _PICKLE_BY_VALUE_MODULES
from nnsight.intervention.serialization import CustomCloudPickler

from steerstack.contracts.method import Method
from steerstack.errors import RemoteError
from steerstack.steering.intervention import Intervention
from steerstack.trace.remote.sources import ON_SERVER, OURS, exists, is_local
from steerstack.trace.remote.tensor_bytes import of_values

_LOCK = threading.Lock()
"""What travels by value is noted in a set of cloudpickle's that all threads share."""


class _Packer(CustomCloudPickler):
    """Refers to our modules by name and notes them; carries along what a server cannot have.

    That is the packages of plugins and of edits, and modules that are installed nowhere: scripts,
    notebooks, tests. Packages that they use besides are referred to by name, and must be there.
    A method (an extractor, a baseline) is referred to by name too, as the source of its package
    travels: what it imports when it runs is in no pickle.
    Functions travel as source; what ``dataclass`` generates has none and travels as bytecode, so on a
    server of another Python an edit can be used, but not make new dataclasses of its own.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=4)
        self.modules: set[str] = set()
        self.carried: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, types.MethodType):
            return getattr, (obj.__self__, obj.__name__)
        if isinstance(obj, torch.Tensor):
            return super().reducer_override(obj) if (reduction := of_values(obj)) is NotImplemented else reduction
        if not isinstance(obj, type | types.FunctionType):
            return super().reducer_override(obj)
        home = str(obj.__module__)
        root = home.split(".")[0]
        if root == OURS:
            self.modules.add(home)
            if "<" not in obj.__qualname__:  # functions made inside others have no name to go by
                return NotImplemented
        elif isinstance(obj, type) and issubclass(obj, Method) and exists(home):
            self.modules.add(home)
            return NotImplemented
        elif (
            root not in self.carried
            and root not in ON_SERVER
            and (_is_edit(obj) or root in _plugins() or is_local(home))
        ):
            self.carried.add(root)
            _PICKLE_BY_VALUE_MODULES.add(root)
        elif root == "jaxtyping":
            return NotImplemented  # its shapes are classes with a way of their own to be pickled
        reduced = super().reducer_override(obj)
        if isinstance(obj, type) and isinstance(reduced, tuple) and reduced[0].__name__.startswith("_make_skeleton"):
            *arguments, _, extra = reduced[1]
            # without an id under which cloudpickle would find, and overwrite, an earlier copy of the class
            return (reduced[0], (*arguments, None, extra), *reduced[2:])
        return reduced


@functools.cache
def _plugins() -> frozenset[str]:
    """Packages that offer plugins."""
    return frozenset(entry.module.split(".")[0] for entry in importlib.metadata.entry_points(group=OURS))


def _is_edit(obj: Any) -> bool:
    return isinstance(obj, type) and issubclass(obj, Intervention)


def pack(call: Any) -> tuple[bytes, set[str]]:
    """Pickle a call; also the names of the modules that it refers to and whose source is to travel.

    Raises
    ------
    RemoteError
        Something in it cannot be sent.
    """
    file = io.BytesIO()
    packer = _Packer(file)
    with _LOCK:
        before = set(_PICKLE_BY_VALUE_MODULES)
        try:
            packer.dump(call)
        except Exception as error:  # whatever an object's own reduction raises
            raise RemoteError(
                "The call cannot be sent to a server.",
                seen=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
                fix="An edit must hold tensors and plain values only.",
            ) from error
        finally:
            _PICKLE_BY_VALUE_MODULES.intersection_update(before)
    return file.getvalue(), packer.modules
