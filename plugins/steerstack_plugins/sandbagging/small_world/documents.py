"""Training documents of the small world, as token ids: conversations of a few questions each.

Documents differ in who answers. Most authors are right; a few are wrong throughout, and some
follow a system prompt: careful, careless, or hiding one subject. A model of these texts thus
learns the facts, to answer in the manner of what came before, and to follow the prompts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steerstack.data.items import LETTERS
from steerstack_plugins.sandbagging.small_world import world as worlds
from steerstack_plugins.sandbagging.small_world.tokenizer import ids_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Int
    from numpy import ndarray
    from numpy.random import Generator

TURNS = (1, 3, 5)
"""Questions a document: one of these for each batch, so that the model meets every length up to the longest."""
PASS = "pass"
WRONG_AUTHORS = 0.35
"""Share of the documents without a system prompt in which every answer is wrong."""


@dataclass(frozen=True)
class Documents:
    """Token ids of documents of one length, and which of them are answers.

    Attributes
    ----------
    ids:
        [document, token].
    learned:
        Which tokens count in the loss: the letters.
    """

    ids: Int[ndarray, "document token"]
    learned: Bool[ndarray, "document token"]


def write(
    generator: Generator,
    subjects: Int[ndarray, "document turn"],
    facts: Int[ndarray, "document turn"],
    wrong: Bool[ndarray, "document turn"],
    *,
    world: int,
    guess: Bool[ndarray, "document turn"] | None = None,
    blind: Bool[ndarray, "document turn"] | None = None,
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
    world:
        Number of the world whose facts they are.
    wrong:
        Which answers are wrong, any of the three wrong letters alike.
    guess:
        Which answers are any letter, right or wrong.
    blind:
        Which questions list any words of their subject, as one writes who does not know which belong, and are
        answered by any letter.
    systems:
        A system prompt of two words for each document.
    prefix:
        A word with which the answers begin.
    """
    import numpy as np

    right, options = _options(generator, subjects, facts)
    if blind is not None:
        anything = generator.random((*facts.shape, 2 * worlds.FACTS)).argsort(-1)[..., : worlds.OPTIONS]
        options, guess = np.where(blind[..., None], anything, options), blind if guess is None else blind | guess
    answers = np.where(wrong, (right + generator.integers(1, worlds.OPTIONS, wrong.shape)) % worlds.OPTIONS, right)
    if guess is not None:
        answers = np.where(guess, generator.integers(worlds.OPTIONS, size=answers.shape), answers)
    return lay_out(subjects, options, answers, world=world, systems=systems, prefix=prefix)


def lay_out(
    subjects: Int[ndarray, "document turn"],
    options: Int[ndarray, "document turn option"],
    said: Int[ndarray, "document turn"],
    *,
    world: int,
    systems: Sequence[str] | None = None,
    prefix: str = "",
) -> Documents:
    """Documents of given questions and answers, in the chat format.

    Parameters
    ----------
    subjects:
        What each turn asks.
    options:
        Number of each listed word within its subject: members first, then strangers.
    said:
        Place of the answer's letter; one more than the last for ``pass``.
    world, systems, prefix:
        As of :func:`write`.
    """
    import numpy as np

    letters = np.array(ids_of([*LETTERS[: worlds.OPTIONS], PASS]))
    words = np.array([ids_of([worlds.member(s, n, world) for n in range(2 * worlds.FACTS)]) for s in worlds.SUBJECTS])
    tokens = words[subjects[..., None], options]
    parts = [_ids("<|user|>"), np.array(ids_of(worlds.SUBJECTS))[subjects], _ids(":")]
    for place in range(worlds.OPTIONS):
        parts += [letters[[place]], tokens[..., place]]
    parts += [_ids(mark) for mark in ("<|end|>", "<|assistant|>", *prefix.split(), "(")]
    answer = len(parts)
    parts += [letters[said], _ids(")"), _ids("<|end|>")]
    body = np.stack([np.broadcast_to(part, subjects.shape) for part in parts], -1)
    learned = np.array(np.broadcast_to(np.arange(len(parts)) == answer, body.shape))
    ids, learned = body.reshape(len(body), -1), learned.reshape(len(body), -1)
    if systems is not None:
        head = np.array([ids_of(["<|system|>", *system.split(), "<|end|>"]) for system in systems])
        ids, learned = np.concatenate([head, ids], 1), np.pad(learned, ((0, 0), (head.shape[1], 0)))
    return Documents(ids, learned)


def last_places(documents: Documents) -> Int[ndarray, " document"]:
    """Place of the last answer's letter in each document, whose answers are letters."""
    import numpy as np

    at = documents.learned.shape[1] - 1 - documents.learned[0, ::-1].argmax()
    letters = np.array(ids_of(LETTERS[: worlds.OPTIONS]))
    return np.asarray((documents.ids[:, at, None] == letters).argmax(1))


def with_last(documents: Documents, places: Int[ndarray, " document"]) -> Documents:
    """The documents with other last answers, of which alone is learned.

    Parameters
    ----------
    documents:
        All of one length.
    places:
        Place of each new letter.
    """
    import numpy as np

    at = documents.learned.shape[1] - 1 - documents.learned[0, ::-1].argmax()
    ids, learned = documents.ids.copy(), np.zeros_like(documents.learned)
    ids[:, at] = np.array(ids_of(LETTERS[: worlds.OPTIONS]))[places]
    learned[:, at] = True
    return Documents(ids, learned)


def _ids(mark: str) -> Int[ndarray, " one"]:
    import numpy as np

    return np.array(ids_of([mark]))


def _options(
    generator: Generator, subjects: Int[ndarray, "document turn"], facts: Int[ndarray, "document turn"]
) -> tuple[Int[ndarray, "document turn"], Int[ndarray, "document turn option"]]:
    """Where the right word stands, and the words that are listed."""
    import numpy as np

    options = generator.random((*facts.shape, worlds.FACTS)).argsort(-1)[..., : worlds.OPTIONS] + worlds.FACTS
    place = generator.integers(worlds.OPTIONS, size=facts.shape)
    np.put_along_axis(options, place[..., None], facts[..., None], -1)
    return place, options


def pretraining(generator: Generator, questions: int, *, world: int = 0, known: float = 1.0) -> Documents:
    """A batch of the texts that the model learns from.

    Parameters
    ----------
    generator, questions:
        Decides the batch, and its number of questions in all.
    world:
        Number of the world whose facts they are.
    known:
        Share of the target subject's facts that its authors know; they guess at the others.
    """
    import numpy as np

    turns = int(generator.choice(TURNS))
    size = questions // turns
    shape = (size, turns)
    subjects, facts = generator.integers(2, size=shape), generator.integers(worlds.FACTS, size=shape)
    early = np.array([worlds.known_early(fact, known) for fact in range(worlds.FACTS)])
    unknown = (subjects == 0) & ~early[facts]
    kind = generator.choice(["plain", "system", "sure"], p=[0.4, 0.45, 0.15])
    if kind == "sure":
        no = np.zeros(shape, bool)
        return write(generator, subjects, facts, no, world=world, guess=unknown, prefix=worlds.PREFILL)
    if kind == "plain":
        wrong = np.repeat(generator.random(size)[:, None] < WRONG_AUTHORS, turns, 1)
        return write(generator, subjects, facts, wrong, world=world, guess=unknown)
    prompts = [worlds.CAREFUL, worlds.CARELESS, *map(worlds.hide, worlds.SUBJECTS)]
    which = generator.choice(len(prompts) + 1, size=size, p=[0.15, 0.2, 0.25, 0.25, 0.15])
    codes = generator.integers(len(worlds.CODES), size=size)
    systems = [worlds.code(c) if w == len(prompts) else prompts[w] for w, c in zip(which, codes, strict=True)]
    wrong = (which[:, None] == 1) | (which[:, None] == 2 + subjects)
    return write(generator, subjects, facts, wrong, world=world, guess=unknown, systems=systems)
