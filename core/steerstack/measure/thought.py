"""What a model reasons before it answers, under a plan: its answers are then scored after that."""

import logging

from steerstack.data.items import DataSet
from steerstack.data.prompts import Prompt
from steerstack.data.questions import Question, ScoreMode, Shots, ask
from steerstack.engine.decode.generate import Sampling, generate
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model

MOST = 512
"""Tokens of a thought; one that has not ended by then is closed there, which is said."""

_LOG = logging.getLogger("steerstack.trace")


def ask_after_thought(
    model: Model, data: DataSet, mode: ScoreMode, plan: Plan, *, system: str | None = None, shots: Shots = ()
) -> list[Question]:
    """Every question of a data set, each after what the model reasons about it under the plan.

    Edits act while it reasons: those of ``think`` and ``response`` on each token of the thought, those of
    ``answer`` on none.

    Raises
    ------
    ModelError
        The chat template opens no reasoning block.
    """
    register: dict[Prompt, None] = {}

    def note(prompt: Prompt) -> str:
        register[prompt] = None
        return ""

    ask(model.format, data, mode, system=system, shots=shots, thought=note)
    prompts = list(register)
    sampling = Sampling(max_new_tokens=MOST, stop=(model.format.thought_end,))
    begun = [model.format.unfinished(prompt) for prompt in prompts]
    # a plan that acts only on the answer touches nothing yet, which is no error here
    acting = Plan(tuple(edit for edit in plan if edit.tokens.go_on_after(begun[0]) or edit.tokens.positions(begun[0])))
    (continuations,) = generate(model, begun, [acting], sampling)
    thoughts = [model.format.thought(ids) for ids in continuations.tokens]
    unfinished_count = sum(not ended for _, ended in thoughts)
    if unfinished_count:
        _LOG.info("%d of %d thoughts were closed after %d tokens", unfinished_count, len(thoughts), MOST)
    texts = {prompt: text for prompt, (text, _) in zip(prompts, thoughts, strict=True)}
    return ask(model.format, data, mode, system=system, shots=shots, thought=texts.__getitem__)
