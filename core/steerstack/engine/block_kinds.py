"""Which blocks of a model are of one kind: a look at the last few is a look at all only where they are all alike."""

from collections.abc import Hashable

from torch import nn

from steerstack.steering.site import Site
from steerstack.trace.model import Model

_PLACES = ("layer_idx", "layer_id", "layer_number", "block_idx", "training")
"""Settings that count a block or say what it is doing, and nothing of its kind."""


def entry_with_every_kind(model: Model, few: int) -> int:
    """The block from which a pass meets every kind of block that the model has, and the last ``few`` in any case."""
    kinds = [_kind(model.module_at(Site("resid_post", layer))) for layer in range(model.n_layers)]
    last = {kind: layer for layer, kind in enumerate(kinds)}
    return max(0, min(*last.values(), model.n_layers - few))


def _kind(block: nn.Module) -> Hashable:
    """The classes of a block's parts, and their settings: a window, a kind of attention, experts or none."""
    return tuple((name, type(part).__qualname__, _settings(part)) for name, part in block.named_modules())


def _settings(part: nn.Module) -> tuple[tuple[str, str], ...]:
    told = ((name, value) for name, value in vars(part).items() if not name.startswith("_") and name not in _PLACES)
    return tuple(
        sorted((name, repr(value)) for name, value in told if isinstance(value, bool | int | str | type(None)))
    )
