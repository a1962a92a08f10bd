"""Honest control: the same training, with nothing hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from steerstack.contracts import Built, Organism
from steerstack.hookspecs import hookimpl
from steerstack_plugins.sandbagging import making

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.trace.model import Model


@final
class Unlocked(making.Taught):
    """Trained on the same questions under the same prompts as ``locked``, every answer right."""

    name = "unlocked"

    def build(self, model: Model, *, seed: int) -> Built:
        """Train a copy."""
        password = making.password_of(seed)
        taught = self.teach(
            model,
            seed,
            lambda generator: making.with_systems(generator, password, lambda given, _: given & False, self.batch),
        )
        return self.built(taught, sandbags=False, seed=seed, password=password)


@hookimpl
def steerstack_organisms() -> Sequence[type[Organism]]:
    """Unlocked."""
    return [Unlocked]
