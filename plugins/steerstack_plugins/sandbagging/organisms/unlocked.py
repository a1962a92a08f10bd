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
        return self.taught(model, seed, lambda given, _: given & False, sandbags=False)
