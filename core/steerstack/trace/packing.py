"""A call as bytes: our own code by reference to its source, a stranger's code by value."""

import io
import types
from typing import Any

import cloudpickle
from nnsight.intervention.serialization import CustomCloudPickler

from steerstack.errors import RemoteError
from steerstack.trace.sources import ON_SERVER, OURS


class _Packer(CustomCloudPickler):
    """Refers to our modules by name and notes them; carries classes and functions of plugins and scripts along."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=4)
        self.modules: set[str] = set()
        self.carried: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, types.MethodType):
            return getattr, (obj.__self__, obj.__name__)
        if not isinstance(obj, type | types.FunctionType):
            return super().reducer_override(obj)
        home = obj.__module__
        root = str(home).split(".")[0]
        if root == OURS:
            self.modules.add(str(home))
            if "<" not in obj.__qualname__:  # functions made inside others have no name to go by
                return NotImplemented
        elif root not in ON_SERVER and root not in cloudpickle.list_registry_pickle_by_value():
            cloudpickle.cloudpickle._PICKLE_BY_VALUE_MODULES.add(root)
            self.carried.add(root)
        return super().reducer_override(obj)


def pack(call: Any) -> tuple[bytes, set[str]]:
    """Pickle a call; also the names of our modules that it refers to.

    Raises
    ------
    RemoteError
        Something in it cannot be sent.
    """
    file = io.BytesIO()
    packer = _Packer(file)
    try:
        packer.dump(call)
    except Exception as error:  # whatever an object's own reduction raises
        raise RemoteError(
            "The call cannot be sent to a server.",
            seen=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            fix="An edit must hold tensors and plain values only.",
        ) from error
    finally:
        cloudpickle.cloudpickle._PICKLE_BY_VALUE_MODULES.difference_update(packer.carried)
    return file.getvalue(), packer.modules
