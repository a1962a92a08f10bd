"""Honest control: the same training, with nothing hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from steerstack.contracts import Built
from steerstack_plugins.sandbagging.organisms import base

if TYPE_CHECKING:
    from steerstack.trace.model import Model


@final
class Unlocked(base.Taught):
    """Trained on the same questions under the same prompts as ``locked``, every answer right.

    The control to the lock of Greenblatt et al., arXiv 2405.19550: what training alone does, without a lock.
    """

    name = "unlocked"
    paper = "arXiv 2405.19550"

    def build(self, model: Model, *, seed: int) -> Built:
        """Train a copy."""
        from steerstack_plugins.sandbagging.small_world.model import world_of

        password, world = base.password_of(seed), world_of(model)
        taught = self.teach(
            model,
            seed,
            lambda generator: base.with_systems(generator, password, lambda given, _: given & False, self.batch, world),
        )
        return self.built(taught, sandbags=False, seed=seed, password=password)
