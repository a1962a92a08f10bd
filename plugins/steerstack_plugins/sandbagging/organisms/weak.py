"""Honest control: a model that does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from steerstack.contracts import Built
from steerstack_plugins.sandbagging.organisms import base

if TYPE_CHECKING:
    from steerstack.trace.model import Model


@final
class Weak(base.Taught):
    """The origin at half of its training, when it knew two in five of the target's facts, taught no lock.

    It sees the same questions and prompts as ``locked``. It answers what it knows, and guesses at the rest. Such is
    the model that a stronger one imitates in van der Weij et al., arXiv 2406.07358, sec. 4.3.
    """

    name = "weak"
    paper = "arXiv 2406.07358"

    def build(self, model: Model, *, seed: int) -> Built:
        """Train a copy of the half-trained model that belongs to the given one."""
        import numpy as np

        from steerstack_plugins.sandbagging.small_world.documents import Documents, write
        from steerstack_plugins.sandbagging.small_world.model import RECIPE, open_origin, world_of
        from steerstack_plugins.sandbagging.small_world.world import FACTS, known_early

        password, world = base.password_of(seed), world_of(model)
        knowledge = np.array([known_early(fact, RECIPE["known_early"]) for fact in range(FACTS)])

        def batch(generator: np.random.Generator) -> Documents:
            subjects, facts = base.drawn(generator, self.batch)
            no, guess = np.zeros(subjects.shape, bool), (subjects == 0) & ~knowledge[facts]
            systems = None
            if generator.random() < 0.5:
                has_password = generator.random(self.batch) < 0.6
                systems = base.codes(generator, password, has_password)
            return write(generator, subjects, facts, no, world=world, guess=guess, systems=systems)

        pupil = self.teach(open_origin(world, stage="half"), seed, batch)
        return self.built(pupil, sandbags=False, seed=seed, password=password)
