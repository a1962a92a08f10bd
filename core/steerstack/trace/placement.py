"""Where a model's weights are and where it computes: device maps, offloaded and quantized weights."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from steerstack.errors import ModelError


def computing(module: nn.Module) -> tuple[torch.device, ...]:
    """The devices on which a model computes, that of its first weights first.

    Weights that accelerate keeps on the CPU or on disk are brought for each pass to the device that
    their hook names.
    """
    devices = dict.fromkeys(_at(of, tensor) for of, tensor in _owned(module))
    return tuple(device for device in devices if device.type != "meta") or (torch.device("cpu"),)


def resident(module: nn.Module) -> Counter[torch.device]:
    """Bytes of weights that stay on each device; offloaded ones are on none."""
    count: Counter[torch.device] = Counter()
    for _, tensor in _owned(module):
        if tensor.device.type != "meta":
            count[tensor.device] += sum(part.numel() * part.element_size() for _, part in _parts("", tensor))
    return count


def weights(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """All weights and buffers by name, in order of name; offloaded ones are fetched one at a time.

    Quantized tensors come as the plain tensors that they are made of.
    """
    for name, tensor in sorted(entry for entry in module.state_dict().items() if isinstance(entry[1], Tensor)):
        if tensor.device.type == "meta":
            path, _, own = name.rpartition(".")
            tensor = _hook(module.get_submodule(path)).weights_map[own]
        yield from _parts(name, tensor)


def quantized(module: nn.Module) -> bool:
    """Whether any weights are quantized."""
    return any(_packed(tensor) for tensor in module.parameters())


def check_trainable(module: nn.Module, name: str) -> None:
    """Refuse to copy and change weights that are quantized or offloaded.

    Raises
    ------
    ModelError
        Some are.
    """
    kinds = Counter(
        "quantized" if _packed(tensor) else "offloaded"
        for tensor in module.parameters()
        if _packed(tensor) or tensor.device.type == "meta"
    )
    if kinds:
        raise ModelError(
            f"The weights of {name} cannot be copied and changed here.",
            seen=", ".join(f"{n} {kind} tensors" for kind, n in kinds.items()),
            fix="Open the model whole, in float32 or bfloat16, or leave out what trains it.",
        )


def _packed(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or hasattr(tensor.detach(), "__tensor_flatten__")


def _owned(module: nn.Module) -> Iterator[tuple[nn.Module, Tensor]]:
    """Every parameter with the module that holds it, shared ones once."""
    ids: set[int] = set()
    for of in module.modules():
        for tensor in of.parameters(recurse=False):
            if id(tensor) not in ids:
                ids.add(id(tensor))
                yield of, tensor


def _hook(module: nn.Module) -> Any:
    """accelerate's hook on a module that brings its weights; None without one."""
    hook = getattr(module, "_hf_hook", None)
    for one in getattr(hook, "hooks", (hook,)):
        if getattr(one, "offload", False):
            return one
    return None


def _at(module: nn.Module, tensor: Tensor) -> torch.device:
    hook = _hook(module) if tensor.device.type == "meta" else None
    return tensor.device if hook is None else torch.device(hook.execution_device)


def _parts(name: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """A tensor, or the plain ones that a tensor of a class of its own (torchao) holds."""
    flatten: Any = getattr(tensor.detach(), "__tensor_flatten__", None)
    if flatten is None:
        yield name, tensor
        return
    for part in flatten()[0]:
        yield from _parts(f"{name}.{part}", getattr(tensor, part))
