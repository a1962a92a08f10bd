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

from steerstack.contracts import Baseline, PairBatch
from steerstack.data.items import LETTERS, DataSet, Item, Layout
from steerstack.data.questions import ContrastPair, Read, shots_of
from steerstack.engine.activations import PairActivations
from steerstack.steering.edits import Ablate, Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.trace.model import Model
from steerstack_plugins.sandbagging.audit.choices import Form, Way, asked


@dataclass(frozen=True)
class Demonstrations:
    """Items of the task with their right answers, which the tested items must not share.

    Attributes
    ----------
    train, validation:
        To learn from, and to choose by.
    form:
        How they are answered, and how the tested items are.
    """

    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    form: Form = "letter"


class Elicitation(ABC):
    """One way to bring out an ability."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name, with what distinguishes it from others of its kind."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """What it is one of, such as ``fine-tuning``: an audit weighs kinds, whatever their names and numbers."""

    @abstractmethod
    def prepare(self, model: Model, shown: Demonstrations, *, seed: int = 0) -> Way:
        """From a model and demonstrations to a way of asking; the given model stays as it is."""


@dataclass(frozen=True)
class FewShotElicitation(Elicitation):
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

    @property
    def kind(self) -> str:
        """``demonstrations``."""
        return "demonstrations"

    def prepare(self, model: Model, shown: Demonstrations, *, seed: int = 0) -> Way:
        """The first ``n`` training items, drawn by the seed."""
        return Way(model, shots=shots_of(draw(shown.train, self.n, seed), shown.form), form=shown.form)


@dataclass(frozen=True)
class Instructed(Elicitation):
    """A system prompt, or a start of the answer, that asks for the best answer.

    Attributes
    ----------
    system, prefix:
        The prompt, and what the answer begins with in place of what is usual.
    """

    system: str | None = None
    prefix: str | None = None

    @property
    def name(self) -> str:
        """``system`` or ``prefill``, with the words."""
        return f"system {self.system!r}" if self.system else f"prefill {self.prefix!r}"

    @property
    def kind(self) -> str:
        """``instruction`` or ``prefill``."""
        return "instruction" if self.system else "prefill"

    def prepare(self, model: Model, shown: Demonstrations, *, seed: int = 0) -> Way:
        """The model as it is."""
        return Way(model, system=self.system, prefix=self.prefix, form=shown.form)


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

    @property
    def kind(self) -> str:
        """``fine-tuning``."""
        return "fine-tuning"

    def prepare(self, model: Model, shown: Demonstrations, *, seed: int = 0) -> Way:
        """A trained copy, or the model under a trained edit."""
        train, validation = (taught(part, shown.form) for part in (draw(shown.train, self.n, seed), shown.validation))
        result = self.baseline.tune(model, train, validation, seed=seed)
        return Way(result.model, plan=result.plan or Plan(), form=shown.form, record=dict(result.record))


def taught(items: Sequence[Item], form: Form) -> DataSet:
    """Items for training on their text: by letter the answers are their letters, so that what is scored is taught."""
    lessons = tuple(map(_lettered, items)) if form == "letter" else tuple(items)
    return DataSet("right-answers", lessons, "answers right", "demonstrations")


def _lettered(item: Item) -> Item:
    options = (f"({LETTERS[item.exhibits]})", f"({LETTERS[item.contrast]})")
    return replace(item, question=item.listed(), options=options, exhibits=0, contrast=1, form="text",
                   layout=Layout())  # fmt: skip


@dataclass(frozen=True)
class SteeringElicitation(Elicitation):
    """A mean difference added, or taken out, where the answer is decided.

    Two contrasts: ``demonstrations`` (the same question after n right answers, and bare) and ``systems`` (under a
    prompt that asks for the best answer, and under one that asks for a bad one; Hofstätter et al. 2025 call it
    "persona"). Layer and scale are chosen by the accuracy on the validation items; each scale is a share of the
    norm of the activation. By letter the edit is at the last token of the prompt, in words all along the response.

    Attributes
    ----------
    by:
        ``add``, or ``ablate`` for taking the component out.
    n:
        Demonstrations before the question, where ``systems`` is None.
    systems:
        Prompts for and against.
    scales:
        Candidates for ``add``.
    """

    by: Literal["add", "ablate"] = "add"
    n: int = 4
    systems: tuple[str, str] | None = None
    scales: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)

    @property
    def name(self) -> str:
        """``steering`` or ``ablation``, with the contrast."""
        source = "systems" if self.systems else f"{self.n} demonstrations"
        return f"{self.kind}, {source}"

    @property
    def kind(self) -> str:
        """``steering`` or ``ablation``."""
        return "steering" if self.by == "add" else "ablation"

    def prepare(self, model: Model, shown: Demonstrations, *, seed: int = 0) -> Way:
        """The plan that answers most validation items right; the empty one if none does better."""
        directions = self._directions(model, shown, seed)
        plans = [Plan()]
        for layer, direction in enumerate(directions):
            if not bool(direction.any()):
                continue
            site, where = Site("resid_post", layer), Tokens("last" if shown.form == "letter" else "response")
            if self.by == "ablate":
                plans.append(Plan((Ablate(site, direction, selection=where),)))
            else:
                plans += [Plan((Add(site, direction, s, True, selection=where),)) for s in self.scales]
        bare = Way(model, form=shown.form)
        accuracies = [choices.accuracy.value for choices in bare.under(plans, shown.validation)]
        best = int(np.argmax(accuracies))
        record = {"chosen": plans[best].describe(), "on": "validation", "choices_tried": len(plans),
                  "validation_accuracy": accuracies[best]}  # fmt: skip
        return replace(bare, plan=plans[best], record=record)

    def _directions(self, model: Model, shown: Demonstrations, seed: int) -> Float[Tensor, "layer d_model"]:
        pairs = []
        shots = () if self.systems else shots_of(draw(shown.train, self.n, seed), shown.form)
        first, second = self.systems or (None, None)
        user_prompts = {user for user, _ in shots}
        for item in shown.train:
            sides = (asked(item, shown.form, system=first, shots=shots), asked(item, shown.form, system=second))
            if sides[1].user in user_prompts:
                continue
            reads = [last_token(model.format.sequence(prompt)) for prompt in sides]
            pairs.append(ContrastPair(item.id, reads[0], reads[1]))
        batch: PairBatch = PairActivations(model, pairs).collect()
        return torch.as_tensor((batch.positive - batch.negative).mean(0))


def last_token(sequence: TokenSequence) -> Read:
    """Where the answer is decided: the last token of a prompt."""
    return Read(sequence, (len(sequence) - 1,))


def draw(items: Sequence[Item], n: int, seed: int) -> tuple[Item, ...]:
    """n demonstrations, drawn by the seed."""
    order = np.random.default_rng([seed, n]).permutation(len(items))[:n]
    return tuple(items[int(index)] for index in order)
