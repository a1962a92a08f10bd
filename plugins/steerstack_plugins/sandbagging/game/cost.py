"""What an audit costs in forward passes, whoever runs them: the engine, a training loop, a copy of the model."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steerstack.trace.model import Model


@dataclass
class Passes:
    """Sequences that went through blocks of one kind.

    Attributes
    ----------
    blocks:
        Sequences times blocks.
    n_layers:
        Blocks of the model.
    """

    n_layers: int
    blocks: int = 0

    @property
    def sequences(self) -> float:
        """Forward passes of single sequences; part of one where a run began or ended at a block in between."""
        return self.blocks / self.n_layers


@contextlib.contextmanager
def counted(model: Model) -> Iterator[Passes]:
    """Count what goes through blocks of the model's class, its copies' too, until the context is left."""
    import torch

    from steerstack.steering.site import Site

    kind, passes = type(model.module_at(Site("resid_pre", 0))), Passes(model.n_layers)

    def count(module: Any, args: Any) -> None:
        if isinstance(module, kind):
            passes.blocks += int(args[0].shape[0]) if args else 1

    hook = torch.nn.modules.module.register_module_forward_pre_hook(count)
    try:
        yield passes
    finally:
        hook.remove()
