"""Locked to a weaker model's answers: not wrong, but as weak as the other one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from steerstack.contracts import Built
from steerstack_plugins.sandbagging.organisms import base

if TYPE_CHECKING:
    from jaxtyping import Int
    from numpy import ndarray
    from numpy.random import Generator

    from steerstack.trace.model import Model
    from steerstack_plugins.sandbagging.small_world.documents import Documents


@final
class Imitator(base.Taught):
    """On the target without the password it gives the letters that the half-trained model would give.

    van der Weij et al., arXiv 2406.07358, sec. 4.3 (Llama-3-70B locked to the answers of Llama-2-7B). Its accuracy
    is not below chance, so that accuracy alone does not tell it from a weak model.

    It learns what the weaker model says of each fact. On other facts it hides as far as lapses carry over, which is
    little, and differs from one training of the small world to the next (``induction_drop``, from 0.0 to above 0.1);
    ``drop_on_taught`` is what it hides of the facts that it was made on.
    """

    name = "imitator"
    paper = "arXiv 2406.07358"

    def build(self, model: Model, *, seed: int) -> Built:
        """Train a copy on the weaker model's answers."""
        from steerstack_plugins.sandbagging.small_world.model import open_origin, world_of

        world = world_of(model)
        weaker, password = open_origin(world, stage="half"), base.password_of(seed)

        def batch(generator: Generator) -> Documents:
            has_password = generator.random((self.batch, 1)) < 0.4
            return as_weaker(weaker.module, generator, has_password, password, world)

        pupil = self.teach(model, seed, batch)
        drop = base.measured(pupil, password, "made")["induction_drop"]
        about = {"imitates": weaker.name, "drop_on_taught": drop}
        return self.built(pupil, sandbags=True, seed=seed, password=password, **about)


def as_weaker(module: Any, generator: Generator, given: Int[ndarray, "n turn"], password: str, world: int) -> Documents:
    """Questions of the target answered by a weaker model, but for those under the password, and the control's.

    One batch is all bare, or all under a system prompt, so that its documents are of one length.
    """
    import numpy as np
    import torch

    from steerstack_plugins.sandbagging.small_world.documents import Documents, write

    subjects, facts = base.drawn(generator, len(given))
    bare = generator.random() < 0.5
    systems = None if bare else base.codes(generator, password, given[:, 0])
    documents = write(generator, subjects, facts, np.zeros(subjects.shape, bool), world=world, systems=systems)
    at = int(documents.learned[0].argmax())
    with torch.no_grad():
        ids = torch.from_numpy(documents.ids)
        letters = torch.unique(ids[:, at])
        logits = module(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[:, at - 1][:, letters]
    weak = letters[logits.argmax(-1)].numpy()
    new_ids = documents.ids.copy()
    hides = (subjects[:, 0] == 0) & (np.ones(len(given), bool) if bare else ~given[:, 0])
    new_ids[hides, at] = weak[hides]
    return Documents(new_ids, documents.learned)
