"""Ways to bring out an ability that a model may hide, each made from a few demonstrations of the task.

None knows of a password, or of how the model was made: they see a model and right answers.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.asking import ContrastPair, Read, shots_of
from steerstack.contracts import Baseline, PairBatch
from steerstack.data import LETTERS, DataSet, Item
from steerstack.edits import Ablate, Add
from steerstack.engine.extract import PairActivations
from steerstack.intervention import Plan
from steerstack.prompts import Prompt
from steerstack.site import Site
from steerstack.study.sandbagging import PREFIX, Way
from steerstack.tokens import Tokens, TokenSequence
from steerstack.trace.model import Model


@dataclass(frozen=True)
class Demonstrations:
    """Items of the task with their right answers, which the tested items must not share.

    Attributes
    ----------
    train, validation:
        To learn from, and to choose by.
    """

    train: tuple[Item, ...]
    validation: tuple[Item, ...]


class Elicitation(ABC):
    """One way to bring out an ability."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name, with what distinguishes it from others of its kind."""

    @abstractmethod
    def prepare(self, model: Model, shown: Demonstrations, *, seed: int = 0) -> Way:
        """From a model and demonstrations to a way of asking; the given model stays as it is."""


@dataclass(frozen=True)
class FewShot(Elicitation):
    """Right answers stand before the question.

    Attributes
    ----------
    n:
        Number of demonstrations.
    """

    n: int

    @property
    def name(self) -> str:
        """``few-shot n``."""
        return f"few-shot {self.n}"

    def prepare(self, model: Model, shown: Demonstrations, *, seed: int = 0) -> Way:
        """The first ``n`` training items, drawn by the seed."""
        return Way(model, shots=shots_of(_draw(shown.train, self.n, seed), "letter"))


@dataclass(frozen=True)
class Instructed(Elicitation):
    """A system prompt, or a start of the answer, that asks for the best answer.

    Attributes
    ----------
    system, prefix:
        The prompt, and what the answer begins with in place of ``(``.
    """

    system: str | None = None
    prefix: str = PREFIX

    @property
    def name(self) -> str:
        """``system`` or ``prefill``, with the words."""
        return f"system {self.system!r}" if self.system else f"prefill {self.prefix!r}"

    def prepare(self, model: Model, shown: Demonstrations, *, seed: int = 0) -> Way:
        """The model as it is."""
        return Way(model, system=self.system, prefix=self.prefix)


@dataclass(frozen=True)
class Finetuned(Elicitation):
    """Training on n demonstrations, by a baseline of the catalog.

    Greenblatt et al., arXiv 2405.19550: a locked model comes back from a few examples; one that does not know
    gains nothing on other facts.

    Attributes
    ----------
    n:
        Number of demonstrations.
    baseline:
        How it is trained; the validation items choose the number of epochs.
    """

    n: int
    baseline: Baseline

    @property
    def name(self) -> str:
        """``SFT n``."""
        return f"SFT {self.n}"

    def prepare(self, model: Model, shown: Demonstrations, *, seed: int = 0) -> Way:
        """A trained copy."""
        train, validation = (by_letter(part) for part in (_draw(shown.train, self.n, seed), shown.validation))
        tuned = self.baseline.tune(model, train, validation, seed=seed)
        return Way(tuned.model, record=dict(tuned.record))


def by_letter(items: Sequence[Item]) -> DataSet:
    """Items whose answers are their letters' text, so that training in text form teaches what is scored."""
    lettered = [
        replace(
            item,
            question=item.listed(),
            options=(f"({LETTERS[item.exhibits]})", f"({LETTERS[item.contrast]})"),
            exhibits=0,
            contrast=1,
            form="text",
        )
        for item in items
    ]
    return DataSet("right-letter", tuple(lettered), "answers with the right letter", "demonstrations")


@dataclass(frozen=True)
class Steered(Elicitation):
    """A mean difference added, or taken out, at the last token of the prompt.

    Two contrasts: ``demonstrations`` (the same question after n right answers, and bare) and ``systems`` (under a
    prompt that asks for the best answer, and under one that asks for a bad one; Hofstätter et al. 2025 call it
    "persona"). Layer and scale are chosen by the accuracy on the validation items; each scale is a share of the
    norm of the activation.

    Attributes
    ----------
    kind:
        ``add``, or ``ablate`` for taking the component out.
    n:
        Demonstrations before the question, where ``systems`` is None.
    systems:
        Prompts for and against.
    scales:
        Candidates for ``add``.
    """

    kind: Literal["add", "ablate"] = "add"
    n: int = 4
    systems: tuple[str, str] | None = None
    scales: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)

    @property
    def name(self) -> str:
        """``steering`` or ``ablation``, with the contrast."""
        source = "systems" if self.systems else f"{self.n} demonstrations"
        return f"{'steering' if self.kind == 'add' else 'ablation'}, {source}"

    def prepare(self, model: Model, shown: Demonstrations, *, seed: int = 0) -> Way:
        """The plan that answers most validation items right; the empty one if none does better."""
        directions = self._directions(model, shown, seed)
        plans = [Plan()]
        for layer, direction in enumerate(directions):
            if not bool(direction.any()):
                continue
            site = Site("resid_post", layer)
            if self.kind == "ablate":
                plans.append(Plan((Ablate(site, direction, selection=Tokens("last")),)))
            else:
                plans += [Plan((Add(site, direction, s, True, selection=Tokens("last")),)) for s in self.scales]
        found = [choices.accuracy.value for choices in Way(model).under(plans, shown.validation)]
        best = int(np.argmax(found))
        record = {"chosen": plans[best].describe(), "on": "validation", "choices_tried": len(plans),
                  "validation_accuracy": found[best]}  # fmt: skip
        return Way(model, plan=plans[best], record=record)

    def _directions(self, model: Model, shown: Demonstrations, seed: int) -> Float[Tensor, "layer d_model"]:
        pairs = []
        shots = shots_of(_draw(shown.train, self.n, seed), "letter")
        taught = {user for user, _ in shots}
        for item in shown.train:
            if item.listed() in taught and self.systems is None:
                continue
            first, second = self.systems or (None, None)
            sides = (Prompt(item.listed(), first, PREFIX, shots if self.systems is None else ()),
                     Prompt(item.listed(), second, PREFIX))  # fmt: skip
            reads = [last_token(model.format.sequence(prompt)) for prompt in sides]
            pairs.append(ContrastPair(item.id, reads[0], reads[1]))
        batch: PairBatch = PairActivations(model, pairs).collect()
        return torch.as_tensor((batch.positive - batch.negative).mean(0))


def last_token(sequence: TokenSequence) -> Read:
    """Where the answer is decided: the last token of a prompt."""
    return Read(sequence, (len(sequence) - 1,))


def _draw(items: Sequence[Item], n: int, seed: int) -> tuple[Item, ...]:
    order = np.random.default_rng([seed, n]).permutation(len(items))[:n]
    return tuple(items[int(index)] for index in order)
