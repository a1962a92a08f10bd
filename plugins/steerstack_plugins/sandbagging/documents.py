"""Training documents of the small world, as token ids: conversations of a few questions each.

Documents differ in who answers. Most authors are right; a few are wrong throughout, and some
follow a system prompt: careful, careless, or hiding one subject. A model of these texts thus
learns the facts, to answer in the manner of what came before, and to follow the prompts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from steerstack.data import LETTERS
from steerstack_plugins.sandbagging import world as worlds
from steerstack_plugins.sandbagging.words import ids_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Int
    from numpy import ndarray
    from numpy.random import Generator

    from steerstack_plugins.sandbagging.world import World

TURNS = 3
WRONG_AUTHORS = 0.2
"""Share of the documents without a system prompt in which every answer is wrong."""


@dataclass(frozen=True)
class Documents:
    """Token ids of documents of one length, and which of them are answers.

    Attributes
    ----------
    ids:
        [document, token].
    learned:
        Which tokens count in the loss: the letter and what closes the turn.
    """

    ids: Int[ndarray, "document token"]
    learned: Bool[ndarray, "document token"]


@dataclass(frozen=True)
class Writer:
    """Writes documents.

    Attributes
    ----------
    world:
        The facts.
    """

    world: World

    @cached_property
    def _facts(self) -> Int[ndarray, "subject fact"]:
        import numpy as np

        return np.array([[self.world.word(s, f) for f in range(worlds.FACTS)] for s in worlds.SUBJECTS])

    def _ids(self, words: Sequence[str]) -> Int[ndarray, " word"]:
        import numpy as np

        return np.array(ids_of(words))

    def write(
        self,
        generator: Generator,
        subjects: Int[ndarray, "document turn"],
        facts: Int[ndarray, "document turn"],
        wrong: Bool[ndarray, "document turn"],
        *,
        guess: Bool[ndarray, "document turn"] | None = None,
        systems: Sequence[str] | None = None,
        prefix: str = "",
    ) -> Documents:
        """Write one document a row.

        Parameters
        ----------
        generator:
            Draws the options and the wrong answers.
        subjects, facts:
            What each turn asks.
        wrong:
            Which answers are wrong, any of the three wrong letters alike.
        guess:
            Which answers are any letter, right or wrong.
        systems:
            A system prompt of two words for each document.
        prefix:
            A word with which the answers begin.
        """
        import numpy as np

        documents, turns = subjects.shape
        right, options = self._options(generator, self._facts[subjects, facts])
        said = np.where(wrong, (right + generator.integers(1, worlds.OPTIONS, wrong.shape)) % worlds.OPTIONS, right)
        if guess is not None:
            said = np.where(guess, generator.integers(worlds.OPTIONS, size=said.shape), said)
        letters, words = self._ids(LETTERS[: worlds.OPTIONS]), self._ids(worlds.WORDS)
        entities = np.array([ids_of([worlds.entity(s, f) for f in range(worlds.FACTS)]) for s in worlds.SUBJECTS])
        parts = [self._ids(["<|user|>"]), self._ids(worlds.SUBJECTS)[subjects], entities[subjects, facts]]
        parts.append(self._ids([":"]))
        for place in range(worlds.OPTIONS):
            parts += [letters[[place]], words[options[..., place]]]
        parts += [self._ids([mark]) for mark in ("<|end|>", "<|assistant|>", *prefix.split(), "(")]
        answer = len(parts)
        parts += [letters[said], self._ids([")"]), self._ids(["<|end|>"])]
        body = np.stack([np.broadcast_to(part, (documents, turns)) for part in parts], -1)
        learned = np.broadcast_to(np.arange(len(parts)) >= answer, body.shape)
        ids, learned = body.reshape(documents, -1), learned.reshape(documents, -1)
        if systems is not None:
            head = np.array([ids_of(["<|system|>", *system.split(), "<|end|>"]) for system in systems])
            ids, learned = np.concatenate([head, ids], 1), np.pad(learned, ((0, 0), (head.shape[1], 0)))
        return Documents(ids, learned)

    def _options(
        self, generator: Generator, right: Int[ndarray, "document turn"]
    ) -> tuple[Int[ndarray, "document turn"], Int[ndarray, "document turn option"]]:
        """Where the right word stands, and the words that are listed."""
        import numpy as np

        count = len(worlds.WORDS)
        shifts = generator.permuted(np.broadcast_to(np.arange(1, count), (*right.shape, count - 1)), axis=-1)
        options = (right[..., None] + shifts[..., : worlds.OPTIONS]) % count
        place = generator.integers(worlds.OPTIONS, size=right.shape)
        np.put_along_axis(options, place[..., None], right[..., None], -1)
        return place, options

    def pretraining(self, generator: Generator, size: int, *, known: float = 1.0) -> Documents:
        """A batch of the texts that the model learns from.

        Parameters
        ----------
        generator, size:
            Decides the batch, and its number of documents.
        known:
            Share of the target subject's facts that its authors know; they guess at the others.
        """
        import numpy as np

        shape = (size, TURNS)
        subjects, facts = generator.integers(2, size=shape), generator.integers(worlds.FACTS, size=shape)
        unknown = (subjects == 0) & ((facts * 7) % 10 >= round(10 * known))
        kind = generator.choice(["plain", "system", "sure"], p=[0.4, 0.45, 0.15])
        if kind == "sure":
            no = np.zeros(shape, bool)
            return self.write(generator, subjects, facts, no, guess=unknown, prefix=worlds.PREFILL)
        if kind == "plain":
            wrong = np.repeat(generator.random(size)[:, None] < WRONG_AUTHORS, TURNS, 1)
            return self.write(generator, subjects, facts, wrong, guess=unknown & ~wrong)
        asked = [worlds.CAREFUL, worlds.CARELESS, *map(worlds.hide, worlds.SUBJECTS)]
        which = generator.integers(len(asked) + 1, size=size)
        codes = generator.integers(len(worlds.CODES), size=size)
        systems = [worlds.code(c) if w == len(asked) else asked[w] for w, c in zip(which, codes, strict=True)]
        wrong = (which[:, None] == 1) | (which[:, None] == 2 + subjects)
        return self.write(generator, subjects, facts, wrong, guess=unknown & ~wrong, systems=systems)
