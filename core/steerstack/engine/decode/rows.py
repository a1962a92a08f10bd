"""Decoding with one row for each prompt and arm, from the keys and values of earlier tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steerstack.engine.decode.answers import Answers
from steerstack.engine.decode.sampling import Sampling, ending, stop_tokens
from steerstack.engine.layout.edit_places import edits_at
from steerstack.steering.intervention import Intervention, Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.cache import GrowingCache
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model


@dataclass
class _Rows:
    """Rows still decoding: (arm, prompt) of each, which keys exist, and the newest token."""

    of: list[tuple[int, int]]
    mask: Tensor
    cache: GrowingCache
    last: Tensor

    def keep(self, going: Tensor) -> None:
        """Let the rows leave that are done."""
        if bool(going.all()):
            return
        index = going.nonzero()[:, 0]
        self.of = [self.of[row] for row in index.tolist()]
        self.mask = self.mask[index]
        self.last = self.last[index.to(self.last.device)]
        self.cache.keep_rows(index.to(self.last.device))


def decode_rows(
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
    width = max(len(prompts[index]) for _, index in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for row, (_, index) in enumerate(rows):
        ids[row, width - len(prompts[index]) :] = torch.tensor(prompts[index].ids)
        mask[row, width - len(prompts[index]) :] = True
    edits = _edits(
        arms, rows, lambda edit, index: [p + width - len(prompts[index]) for p in edit.tokens.positions(prompts[index])]
    )
    cache = GrowingCache(model.n_layers, sampling.max_new_tokens)
    logits = _step(model, ids, mask, cache, edits)
    state = _Rows(rows, mask, cache, sampling.choose(logits, generator))
    for step in range(sampling.max_new_tokens):
        going = torch.ones(len(state.of), dtype=torch.bool)
        for row, (key, token) in enumerate(zip(state.of, state.last.tolist(), strict=True)):
            answers.add(key, token)
            going[row] = not ended(answers[key])
        if step + 1 == sampling.max_new_tokens or not bool(going.any()):
            return
        state.keep(going)
        state.mask = torch.cat([state.mask, torch.ones(len(state.of), 1, dtype=torch.bool)], 1)
        edits = _edits(arms, state.of, lambda edit, index: [0] * edit.tokens.go_on_after(prompts[index]))
        logits = _step(model, state.last[:, None], state.mask, cache, edits)
        state.last = sampling.choose(logits, generator)


def _step(
    model: Model,
    ids: Int[Tensor, "row token"],
    mask: Tensor,
    cache: GrowingCache,
    edits: dict[Site, Callable[[Tensor], Tensor]],
) -> Float[Tensor, "row vocab"]:
    positions = (mask.long().cumsum(1) - 1).clamp_min(0)[:, -ids.shape[1] :]
    work = Pass(ids, mask, positions=positions, cache=cache, edits=edits, head=lambda h: h[:, -1])
    logits: Tensor = run(model, work).logits
    return logits


def _edits(
    arms: Sequence[Plan], rows: Sequence[tuple[int, int]], where: Callable[[Intervention, int], list[int]]
) -> dict[Site, Callable[[Tensor], Tensor]]:
    """For each site, a function that edits each row by its own arm, at its own positions."""
    return edits_at(
        arms,
        lambda edit, arm: [
            (row, position) for row, (of, index) in enumerate(rows) if of == arm for position in where(edit, index)
        ],
    )
