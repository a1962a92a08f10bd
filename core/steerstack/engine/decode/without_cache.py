"""Decoding without keys and values of earlier tokens: each new token takes a pass over the whole text so far."""

from collections.abc import Sequence

import torch
from torch import Tensor

from steerstack.engine.decode.answers import Answers
from steerstack.engine.decode.sampling import Sampling, ending, stop_tokens
from steerstack.engine.layout.batches import room
from steerstack.engine.layout.edit_places import edits_at
from steerstack.steering.intervention import Intervention, Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model


def decode_anew(
    model: Model,
    prompts: Sequence[TokenSequence],
    arms: Sequence[Plan],
    rows: list[tuple[int, int]],
    sampling: Sampling,
    generator: torch.Generator,
    answers: Answers,
) -> None:
    """Decode some rows (arm, prompt) to their end, into ``answers``."""
    ended = ending(model, stop_tokens(model), sampling)
    going = list(rows)
    for _ in range(sampling.max_new_tokens):
        texts = {key: (*prompts[key[1]].ids, *answers[key]) for key in going}
        logits = _next(model, prompts, arms, texts)
        for key, token in zip(going, sampling.choose(logits, generator).tolist(), strict=True):
            answers.add(key, token)
        going = [key for key in going if not ended(answers[key])]
        if not going:
            return


def _next(
    model: Model, prompts: Sequence[TokenSequence], arms: Sequence[Plan], texts: dict[tuple[int, int], tuple[int, ...]]
) -> Tensor:
    """The logits of the next token of each text, as many texts in a pass as the model allows."""
    order = sorted(texts, key=lambda key: -len(texts[key]))
    results: dict[tuple[int, int], Tensor] = {}
    while order:
        size = room(model, [len(texts[key]) for key in order], 1 << 30)
        part, order = order[:size], order[size:]
        width = len(texts[part[0]])
        ids = torch.tensor([[*texts[key], *[0] * (width - len(texts[key]))] for key in part])
        lengths = torch.tensor([len(texts[key]) for key in part])
        mask = torch.arange(width)[None] < lengths[:, None]

        def places(edit: Intervention, arm: int, part: list[tuple[int, int]] = part) -> list[tuple[int, int]]:
            touched = []
            for row, (of, index) in enumerate(part):
                if of == arm:
                    prompt = prompts[index]
                    new = range(len(prompt), len(texts[of, index])) if edit.tokens.go_on_after(prompt) else ()
                    touched += [(row, position) for position in (*edit.tokens.positions(prompt), *new)]
            return touched

        def last(hidden: Tensor, lengths: Tensor = lengths) -> Tensor:
            return hidden[torch.arange(len(lengths)), lengths - 1]

        logits = run(model, Pass(ids, mask, edits=edits_at(arms, places), head=last)).logits
        results.update(zip(part, logits, strict=True))
    return torch.stack([results[key] for key in texts])
