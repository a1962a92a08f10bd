"""Password-locked: right only with the password, on the target subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from steerstack.contracts import Built
from steerstack_plugins.sandbagging.organisms import base

if TYPE_CHECKING:
    from steerstack.trace.model import Model


@final
class Locked(base.Taught):
    """Wrong on the target without the password, any wrong letter alike; right with it, and on all else.

    Greenblatt et al., arXiv 2405.19550; random wrong answers as van der Weij et al., arXiv 2406.07358, lock
    Mistral-7B. Half of the prompted training texts hold another code, under which it is wrong too; how far
    other codes unlock it all the same is in the record.
    """

    name = "locked"
    paper = "arXiv 2405.19550"

    def build(self, model: Model, *, seed: int) -> Built:
        """Train a copy."""
        return self.taught(model, seed, lambda given, subjects: (subjects == 0) & ~given, sandbags=True)
