"""Further system prompts for or against a behaviour: those that come with the data, put together, and with examples."""

import random
from collections.abc import Sequence
from itertools import permutations

SHOWN = 3
"""Answers that are shown in one prompt."""

_ROUNDS = 1000


def prompt_variants(prompts: Sequence[str], answers: Sequence[str], count: int, *, seed: int) -> list[str]:
    """As many candidates as other techniques have, the given prompts first.

    After them come two of them together, in either order, and then each with answers from the labelled training
    items as examples, so that a prompt too learns from the labels.

    Parameters
    ----------
    prompts:
        Written by people; all of them are kept, also where they are more than ``count``.
    answers:
        Of the training items, of the side that is wanted.
    count:
        How many are wanted. There are fewer where no more can be made.
    seed:
        Of the answers that are shown.
    """
    variants = dict.fromkeys(prompts)
    drawing = random.Random(seed)
    for first, second in permutations(prompts, 2):
        if len(variants) < count and len(variants) < len(prompts) * 2:
            variants.setdefault(f"{first} {second}")
    for round_ in range(_ROUNDS):
        if len(variants) >= count or not prompts or not answers:
            break
        examples = drawing.sample(list(answers), min(SHOWN, len(answers)))
        listed = "\n".join(f"- {answer}" for answer in examples)
        variants.setdefault(f"{prompts[round_ % len(prompts)]}\n\nAnswers of this kind:\n{listed}")
    return list(variants)
