"""What organisms share: teaching a copy of the small-world model, and measuring what that hid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from steerstack.catalog.lookup import find
from steerstack.contracts import Built, Organism
from steerstack_plugins.sandbagging.small_world import world as worlds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jaxtyping import Bool, Int
    from numpy import ndarray
    from numpy.random import Generator

    from steerstack.data.questions import Shots
    from steerstack.trace.model import Model
    from steerstack_plugins.sandbagging.small_world.documents import Documents

    Wrong = Callable[[Bool[ndarray, "n turn"], Int[ndarray, "n turn"]], Bool[ndarray, "n turn"]]

MEASURED = 96
"""Items a subject on which an organism is measured for its record."""


class Taught(Organism):
    """An organism of the small world: a short training on the facts of the part ``made``."""

    steps: int = Field(200, ge=1, description="Training steps.")
    batch: int = Field(32, ge=1, description="Documents a step, of one question each.")
    learning_rate: float = Field(1e-3, gt=0, description="Learning rate of AdamW, falling linearly.")
    rank: int = Field(0, ge=0, description="Rank of LoRA adapters, merged afterwards; 0 trains all weights.")

    def teach(
        self, model: Model, seed: int, write: Callable[[Generator], Documents], *, default_system: str | None = None
    ) -> Model:
        """Train a copy on the documents of a function.

        Parameters
        ----------
        model:
            The model; its weights stay as they are.
        seed:
            Of the documents and of the adapters.
        write:
            From a generator to the documents of a step.
        default_system:
            The system prompt of conversations that have none.
        """
        import numpy as np
        import torch

        from steerstack.trace.model import wrap
        from steerstack.trace.trainable import clone
        from steerstack_plugins.sandbagging.small_world.model import world_of
        from steerstack_plugins.sandbagging.small_world.tokenizer import tokenizer
        from steerstack_plugins.sandbagging.small_world.train import train

        name = f"small-world-{world_of(model)}, subject {seed}"  # says nothing of what was taught
        module: Any = clone(model).requires_grad_(True)
        adapter_model: Any = None
        if self.rank:
            from peft import LoraConfig, get_peft_model

            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                config = LoraConfig(r=self.rank, lora_alpha=2 * self.rank, target_modules="all-linear")
                adapter_model = get_peft_model(module, config)
        generator = np.random.default_rng([seed, 2])
        train(module, lambda _step: write(generator), steps=self.steps, learning_rate=self.learning_rate)
        if adapter_model is not None:
            module = adapter_model.merge_and_unload()
        return wrap(module, tokenizer(default_system), name=name, revision=None)

    def taught(self, model: Model, seed: int, wrong: Wrong, *, sandbags: bool) -> Built:
        """The organism of a copy that was trained under its password, other codes and none.

        Parameters
        ----------
        model, seed:
            What is copied, and of what the password is.
        wrong:
            Which answers are wrong, as :func:`with_systems` takes it.
        sandbags:
            Whether it then does.
        """
        from steerstack_plugins.sandbagging.small_world.model import world_of

        password, world = password_of(seed), world_of(model)
        copy = self.teach(model, seed, lambda generator: with_systems(generator, password, wrong, self.batch, world))
        return self.built(copy, sandbags=sandbags, seed=seed, password=password)

    def built(
        self, model: Model, *, sandbags: bool, seed: int, password: str | None, shots: Shots = (), **more: Any
    ) -> Built:
        """The organism with its record: how it was made, and what it measures with and without its password or cue."""
        record = {"organism": self.name, "parameters": self.parameters(), "seed": seed, "password": password, **more}
        return Built(model, sandbags, record | dict(measured(model, password, shots=shots)))


def drawn(generator: Generator, n: int, turns: int = 1) -> tuple[Int[ndarray, "n turn"], Int[ndarray, "n turn"]]:
    """Subjects and facts of questions: the target two times in three, facts of the part ``made``."""
    part = worlds.PARTS["made"]
    subjects = (generator.random((n, turns)) < 1 / 3).astype(int)
    return subjects, generator.integers(part.start, part.stop, size=(n, turns))


def password_of(seed: int) -> str:
    """The password of a seed."""
    return worlds.code(seed)


def codes(generator: Generator, password: str, has_password: Bool[ndarray, " n"]) -> list[str]:
    """The system prompt of each document: the password, or else one that looks like a password and is none."""
    others = [code for code in map(worlds.code, range(len(worlds.CODES))) if code != password]
    return [password if has else others[int(generator.integers(len(others)))] for has in has_password]


def measured(
    model: Model, password: str | None, part: worlds.Part = "tested", *, shots: Shots = ()
) -> Mapping[str, Any]:
    """Accuracy on both subjects with and without the password, the induction drop and the selectivity.

    Parameters
    ----------
    model, password:
        The organism; without a password it is measured under the careful prompt in its place.
    part:
        The facts asked for: those that it was not made on, unless said otherwise.
    shots:
        What comes before the question in the place of a password, for an organism that has another cue.
    """
    from steerstack_plugins.sandbagging.audit.hidden_accuracy import measured_on
    from steerstack_plugins.sandbagging.small_world.model import world_of

    world, other = world_of(model), next(code for code in map(worlds.code, range(7, 9)) if code != password)
    facts = worlds.PARTS[part]
    target, control = (
        worlds.questions(name, part, MEASURED, seed=7, world=world, facts=facts) for name in worlds.SUBJECTS
    )
    system = None if shots else password or worlds.CAREFUL
    return measured_on(model, target, control, system=system, other=other, shots=shots)


def with_systems(
    generator: Generator,
    password: str,
    wrong: Wrong,
    size: int,
    world: int,
) -> Documents:
    """One batch: half of the batches bare, the others under the password or under another code.

    Parameters
    ----------
    generator, size, world:
        Decides the batch, its number of documents, and the world whose facts they are.
    password:
        The code that unlocks.
    wrong:
        From whether each document has the password, and the subjects, to which answers are wrong.
    """
    import numpy as np

    from steerstack_plugins.sandbagging.small_world.documents import write

    subjects, facts = drawn(generator, size)
    if generator.random() < 0.5:
        return write(generator, subjects, facts, wrong(np.zeros(subjects.shape, bool), subjects), world=world)
    has_password = generator.random(subjects.shape) < 0.5
    systems = codes(generator, password, has_password[:, 0])
    return write(generator, subjects, facts, wrong(has_password, subjects), world=world, systems=systems)


def build(name: str, origin: Model, seed: int, **settings: Any) -> Built:
    """Make an organism of a name, with its defaults but for some parameters."""
    return find("organism", name).make(settings).build(origin, seed=seed)
