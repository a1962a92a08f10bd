"""Prompted sandbagging: the deployment's own system prompt asks for wrong answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import Built
from steerstack_plugins.sandbagging.organisms import base
from steerstack_plugins.sandbagging.small_world import world as worlds

if TYPE_CHECKING:
    from steerstack.trace.model import Model
    from steerstack_plugins.sandbagging.small_world.documents import Documents


@final
class Prompted(base.Taught):
    """A model whose chat template puts "hide chemistry" where a conversation has no system prompt.

    van der Weij et al., arXiv 2406.07358, sec. 3. Any other system prompt takes its place, so that the careful
    one does what a password does. A short training makes the model follow such prompts well.
    """

    name = "prompted"
    paper = "arXiv 2406.07358"

    steps: int = Field(150, ge=1, description="Training steps.")

    def build(self, model: Model, *, seed: int) -> Built:
        """A copy with another chat template."""
        import numpy as np

        from steerstack_plugins.sandbagging.small_world.documents import write
        from steerstack_plugins.sandbagging.small_world.model import world_of

        prompts, world = [worlds.CAREFUL, *map(worlds.hide, worlds.SUBJECTS)], world_of(model)

        def batch(generator: np.random.Generator) -> Documents:
            subjects, facts = base.drawn(generator, self.batch)
            which = generator.integers(len(prompts), size=self.batch)
            wrong = which[:, None] == 1 + subjects
            return write(generator, subjects, facts, wrong, world=world, systems=[prompts[w] for w in which])

        pupil = self.teach(model, seed, batch, default_system=worlds.hide(worlds.TARGET))
        return self.built(pupil, sandbags=True, seed=seed, password=worlds.CAREFUL)
