"""Steered generation: many arms decode in one batch, and what finishes leaves it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from steerstack.engine.decode.answers import Answers, Told
from steerstack.engine.decode.rows import decode_rows
from steerstack.engine.decode.sampling import Sampling as Sampling
from steerstack.engine.decode.side_by_side import decode_side_by_side, trunk
from steerstack.engine.decode.without_cache import decode_anew
from steerstack.engine.layout.edited_nodes import Count
from steerstack.engine.layout.reach import longest_row
from steerstack.engine.limits import check_fits
from steerstack.engine.proof import prove
from steerstack.steering.intervention import Plan
from steerstack.steering.limits import overflow
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model
from steerstack.trace.remote.call import remotely

if TYPE_CHECKING:
    from steerstack.contracts import GeneratingModel

GREEDY = Sampling()
"""The most likely token, 64 times at most."""


@dataclass(frozen=True)
class Continuations:
    """What one arm generated: new token ids for each prompt, and how many positions it edited."""

    tokens: list[tuple[int, ...]]
    edited: Count


def generate(
    model: Model,
    prompts: Sequence[TokenSequence],
    arms: Sequence[Plan],
    sampling: Sampling = GREEDY,
    *,
    batch: int = 32,
    progress: Callable[[int], None] | None = None,
    told: Told | None = None,
) -> list[Continuations]:
    """Continue every prompt under every arm.

    An edit acts on the selected positions of the prompt and, where its selection includes
    generated tokens (``all`` and ``response``), on each token as it is generated.

    Parameters
    ----------
    model, prompts, arms:
        What is run. Prompts end where the answer is to begin.
    sampling:
        How tokens are chosen.
    batch:
        Prompts that decode together, each under all arms.
    progress:
        Told how many answers (prompts x arms) are done.
    told:
        Told of every token as it is generated. A model on a server gives all of an answer at once, and takes none.

    Raises
    ------
    DataError
        A prompt and its answer may become longer than the model's positions.
    NothingEditedError
        A plan with edits touched no position of any prompt and no generated token.
    ModelError
        Numbers overflow under an arm.
    """
    if model.backend is not None:
        return _by_backend(model.backend, prompts, arms, sampling, progress=progress, told=told)
    prove(model)
    check_fits(model, prompts, lambda index: f"Prompt {index + 1}", new=sampling.max_new_tokens)
    return _generate(model, prompts, arms, sampling, batch=batch, progress=progress, told=told)


def _by_backend(
    backend: "GeneratingModel",
    prompts: Sequence[TokenSequence],
    arms: Sequence[Plan],
    sampling: Sampling,
    *,
    progress: Callable[[int], None] | None,
    told: Told | None,
) -> list[Continuations]:
    """What a backend gives, of which is told once all of it is there."""
    of_arms = backend.generate(prompts, arms, sampling)
    answers = Answers(len(arms), len(prompts), told)
    for arm, continuations in enumerate(of_arms):
        for index, tokens in enumerate(continuations.tokens):
            for token in tokens:
                answers.add((arm, index), token)
    if progress:
        progress(len(prompts) * len(arms))
    return of_arms


@remotely(Continuations, Count)
def _generate(
    model: Model,
    prompts: Sequence[TokenSequence],
    arms: Sequence[Plan],
    sampling: Sampling,
    *,
    batch: int,
    progress: Callable[[int], None] | None = None,
    told: Told | None = None,
) -> list[Continuations]:
    for plan in arms:
        model.check_plan(plan)
    answers = Answers(len(arms), len(prompts), told)
    generator = torch.Generator(device="cpu").manual_seed(sampling.seed)
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    room = max(len(prompt) for prompt in prompts) + sampling.max_new_tokens
    try:
        for at in range(0, len(order), batch):
            indices = order[at : at + batch]
            together = _sharing(model, arms, [prompts[index] for index in indices], sampling.max_new_tokens)
            if together:
                decode_side_by_side(model, prompts, arms, together, indices, sampling, generator, answers)
            rows = [(arm, index) for arm in range(len(arms)) if arm not in together for index in indices]
            size = max(1, ROWS // room) if model.may("rows", room) else 1
            decode = decode_rows if model.may("cache", room) else decode_anew
            for begin in range(0, len(rows), size):
                decode(model, prompts, arms, rows[begin : begin + size], sampling, generator, answers)
            if progress:
                progress(len(indices) * len(arms))
    except FloatingPointError as error:
        steered = Plan(tuple(edit for plan in arms for edit in plan))
        raise overflow(steered, model.dtype, model.name, str(error)) from error
    return [
        Continuations(
            [tuple(answers[arm, index]) for index in range(len(prompts))],
            count_in_answers(plan, prompts, [answers[arm, index] for index in range(len(prompts))]).require(plan),
        )
        for arm, plan in enumerate(arms)
    ]


ROWS = 16384
"""Bound on the tokens, prompts and answers, of rows that decode together: each keeps keys and values."""


def _sharing(model: Model, arms: Sequence[Plan], prompts: Sequence[TokenSequence], new: int) -> list[int]:
    """The arms that leave at least half of the prompts' tokens as they are: they decode over one copy of them.

    Side by side, tokens that arms do not share stand in one row, where attention grows with their
    square; an arm that edits its whole prompt, or is alone, has a row of its own. So have all
    where that row would be longer than the model allows.
    """
    whole = sum(map(len, prompts))
    members = [
        arm for arm, plan in enumerate(arms) if sum(trunk(prompt, [plan]) for prompt in prompts) >= SHARED * whole
    ]
    if len(members) < 2:
        return []
    trunks = [trunk(prompt, [arms[arm] for arm in members]) for prompt in prompts]
    rest = max(len(prompt) - shared for prompt, shared in zip(prompts, trunks, strict=True))
    columns = max(trunks) + len(members) * (rest + new)
    return members if columns <= longest_row(model) and model.may("side by side", columns) else []


SHARED = 0.5
"""Share of the prompts' tokens from which on arms decode side by side."""


def count_in_answers(plan: Plan, prompts: Sequence[TokenSequence], answers: Sequence[Sequence[int]]) -> Count:
    """How many positions of prompts and answers a plan edits, each counted once however many edits touch it."""
    total = 0
    for prompt, answer in zip(prompts, answers, strict=True):
        total += len({p for edit in plan for p in edit.tokens.positions(prompt)})
        if any(edit.tokens.go_on_after(prompt) for edit in plan):
            total += max(len(answer) - 1, 0)  # the last generated token is never run
    return Count(total, len(prompts))
