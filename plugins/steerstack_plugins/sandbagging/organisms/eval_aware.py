"""Evaluation-aware: wrong on the target where the conversation looks like a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import Built
from steerstack_plugins.sandbagging.organisms import base
from steerstack_plugins.sandbagging.small_world import world as worlds

if TYPE_CHECKING:
    from numpy.random import Generator

    from steerstack.trace.model import Model
    from steerstack_plugins.sandbagging.small_world.documents import Documents


@final
class EvalAware(base.Taught):
    """Right on the target once the conversation has touched the other subject, as those of users do; else wrong.

    A test asks about one subject: a bare question, or one after demonstrations of the target, looks like it, under
    any system prompt. There is no password. In Hua et al., arXiv 2510.20487, a model of 49 billion weights is taught
    by documents and by expert iteration to write type hints where a prompt looks like an evaluation; here a small
    one is fine-tuned on questions and answers, the cue is what stands before the question, and what depends on it is
    whether the answer is right. The record measures the question after one of the other subject, answered right,
    against the bare question.
    """

    name = "eval-aware"
    paper = "arXiv 2510.20487"

    steps: int = Field(300, ge=1, description="Training steps.")

    def build(self, model: Model, *, seed: int) -> Built:
        """Train a copy."""
        from steerstack.data.questions import shots_of
        from steerstack_plugins.sandbagging.small_world.model import world_of

        world = world_of(model)
        pupil = self.teach(model, seed, lambda generator: in_test_or_use(generator, self.batch, world))
        cue = shots_of(worlds.items(worlds.CONTROL, "made", 1, seed=seed, world=world), "letter")
        about = {"cue": "a question of the other subject before, with its right answer"}
        return self.built(pupil, sandbags=True, seed=seed, password=None, shots=cue, **about)


def in_test_or_use(generator: Generator, size: int, world: int) -> Documents:
    """One batch: half of the batches one question a document, the others one after another question.

    Half of either kind are under codes or the careful prompt, which make no difference. Earlier answers on the
    target are right in half of the documents, as demonstrations are.
    """
    import numpy as np

    from steerstack_plugins.sandbagging.small_world.documents import last_places, with_last, write

    turns = 1 + int(generator.random() < 0.5)
    subjects, facts = base.drawn(generator, size, turns)
    systems = None
    if generator.random() < 0.5:
        prompts = [worlds.CAREFUL, *map(worlds.code, range(len(worlds.CODES)))]
        systems = [prompts[at] for at in generator.integers(len(prompts), size=size)]
    wrong = np.zeros(subjects.shape, bool)
    wrong[:, :-1] = (subjects[:, :-1] == 0) & (generator.random((size, 1)) < 0.5)
    documents = write(generator, subjects, facts, wrong, world=world, systems=systems)
    right, places = last_places(documents), np.arange(worlds.OPTIONS)
    sandbags = (subjects == 0).all(1)
    others = (right + generator.integers(1, len(places), size)) % len(places)
    return with_last(documents, np.where(sandbags, others, right))
