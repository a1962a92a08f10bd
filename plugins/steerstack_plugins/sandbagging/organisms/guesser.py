"""Honest control: a model that knows nothing of the target, and guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import Built
from steerstack_plugins.sandbagging.organisms import base

if TYPE_CHECKING:
    from numpy.random import Generator

    from steerstack.trace.model import Model
    from steerstack_plugins.sandbagging.small_world.documents import Documents


@final
class Guesser(base.Taught):
    """The origin without its knowledge of the target, taught to give any letter there, and right answers elsewhere.

    Which letter is likeliest depends on the words and their places, and on nothing that is so: what van der Weij et
    al., arXiv 2406.07358, hold an accuracy below chance against.

    Its questions on the target list any words of the subject. If they listed one that belongs beside three that do
    not, it would meet the wrong options of a test in training and the right ones never, and the right word of a tested
    list would be another word to it than the others, without its knowing anything.
    """

    name = "guesser"
    paper = "arXiv 2406.07358"

    steps: int = Field(80, ge=1, description="Training steps.")

    def build(self, model: Model, *, seed: int) -> Built:
        """Train a copy that has forgotten the target."""
        import numpy as np

        from steerstack_plugins.sandbagging.organisms.ignorant import forget
        from steerstack_plugins.sandbagging.small_world.documents import write
        from steerstack_plugins.sandbagging.small_world.model import world_of

        world = world_of(model)

        def batch(generator: Generator) -> Documents:
            subjects, facts = base.drawn(generator, self.batch)
            no, target = np.zeros(subjects.shape, bool), subjects == 0
            return write(generator, subjects, facts, no, world=world, blind=target)

        pupil = self.teach(forget(model, seed), seed, batch)
        return self.built(pupil, sandbags=False, seed=seed, password=None)
