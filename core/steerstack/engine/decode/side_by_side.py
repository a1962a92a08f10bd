"""Decoding with one row for each prompt, in which all arms decode side by side.

The tokens before the first edited one are run and held once for all arms; each arm's own
tokens follow in columns that only it sees. A row leaves when all its arms have ended, an
arm when it has ended in all rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from steerstack.engine.decode.answers import Answers
from steerstack.engine.decode.sampling import Sampling, ending, stop_tokens
from steerstack.engine.layout.edit_places import Place, edits_at
from steerstack.steering.intervention import Intervention, Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.cache import GrowingCache
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model


@dataclass
class _Columns:
    """All keys so far: which exist in each row, and whose they are (-1 for what all arms share)."""

    exist: Bool[Tensor, "row key"]
    owner: Int[Tensor, " key"]

    def append(self, exist: Bool[Tensor, "row new"], owner: Int[Tensor, " new"]) -> None:
        self.exist, self.owner = torch.cat([self.exist, exist], 1), torch.cat([self.owner, owner])

    def seen_by(self, arms: Int[Tensor, " query"]) -> Bool[Tensor, "row query key"]:
        mine = (self.owner == -1) | (self.owner == arms[:, None])
        return self.exist[:, None] & mine


def decode_side_by_side(
    model: Model,
    prompts: Sequence[TokenSequence],
    every: Sequence[Plan],
    together: Sequence[int],
    chosen: Sequence[int],
    sampling: Sampling,
    generator: torch.Generator,
    answers: Answers,
) -> None:
    """Decode the chosen prompts under the arms ``together`` of ``every``, into ``answers``."""
    arms = [every[arm] for arm in together]
    rows, active, is_over = list(chosen), list(range(len(arms))), ending(model, stop_tokens(model), sampling)
    trunks = torch.tensor([trunk(prompts[index], arms) for index in rows])
    lengths = torch.tensor([len(prompts[index]) for index in rows])
    reach, rest = int(trunks.max()), int((lengths - trunks).max())
    cache = GrowingCache(model.n_layers, len(arms) * (rest + sampling.max_new_tokens))
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(prompts[index].ids) for index in rows], batch_first=True)
    columns = _Columns(torch.arange(reach)[None] < trunks[:, None], torch.full((reach,), -1))
    if reach:
        run(model, Pass(ids[:, :reach], columns.exist, cache=cache))
    place = torch.minimum(trunks[:, None] + torch.arange(rest), lengths[:, None] - 1)
    exist = torch.arange(rest)[None] < (lengths - trunks)[:, None]
    owner = torch.arange(len(arms)).repeat_interleave(rest)
    columns.append(exist.repeat(1, len(arms)), owner)
    step = torch.arange(rest).repeat(len(arms))
    sees = columns.seen_by(owner)
    sees[:, :, reach:] &= step[None, :] <= step[:, None]
    last = torch.arange(len(arms)) * rest + (lengths - trunks - 1)[:, None]
    each = torch.arange(len(rows))[:, None]

    def prompt_places(edit: Intervention, arm: int) -> list[Place]:
        return [
            (row, arm * rest + position - int(trunks[row]))
            for row, index in enumerate(rows)
            for position in edit.tokens.positions(prompts[index])
        ]

    spread = place.repeat(1, len(arms))
    logits = _pass(
        model,
        ids[each, spread],
        spread,
        sees,
        cache,
        edits_at(arms, prompt_places),
        lambda h: h[each, last].flatten(0, 1),
    )
    positions = lengths
    for count in range(sampling.max_new_tokens):
        newest = sampling.choose(logits, generator).cpu().reshape(len(rows), len(active))
        ended = torch.zeros(newest.shape, dtype=torch.bool)
        for row, index in enumerate(rows):
            for column, arm in enumerate(active):
                key = together[arm], index
                if not (answers[key] and is_over(answers[key])):
                    answers.add(key, int(newest[row, column]))
                ended[row, column] = is_over(answers[key])
        if count + 1 == sampling.max_new_tokens or bool(ended.all()):
            return
        keep = ~ended.all(1)
        if not bool(keep.all()):
            index_of = keep.nonzero()[:, 0]
            rows = [rows[row] for row in index_of.tolist()]
            newest, ended, positions = newest[index_of], ended[index_of], positions[index_of]
            columns.exist = columns.exist[index_of]
            cache.keep_rows(index_of.to(model.device))
        going = (~ended.all(0)).nonzero()[:, 0]
        newest, active = newest[:, going], [active[column] for column in going.tolist()]
        owner = torch.tensor(active)
        columns.append(torch.ones(len(rows), len(active), dtype=torch.bool), owner)
        logits = _pass(
            model,
            newest,
            (positions + count)[:, None].expand(-1, len(active)),
            columns.seen_by(owner),
            cache,
            edits_at(
                arms,
                partial(
                    _new_places, {arm: column for column, arm in enumerate(active)}, [prompts[index] for index in rows]
                ),
            ),
            lambda h: h.flatten(0, 1),
        )


def _new_places(columns: dict[int, int], prompts: Sequence[TokenSequence], edit: Intervention, arm: int) -> list[Place]:
    """Where an edit touches the newest tokens: its arm's column in every row, if the arm still decodes."""
    if arm not in columns:
        return []
    return [(row, columns[arm]) for row, prompt in enumerate(prompts) if edit.tokens.go_on_after(prompt)]


def trunk(prompt: TokenSequence, arms: Sequence[Plan]) -> int:
    """Number of tokens before the first edited one; at least one token is left for the arms."""
    first = (min(edit.tokens.positions(prompt), default=len(prompt)) for plan in arms for edit in plan)
    return min([len(prompt) - 1, *first])


def _pass(
    model: Model,
    ids: Int[Tensor, "row column"],
    positions: Int[Tensor, "row column"],
    sees: Bool[Tensor, "row column key"],
    cache: GrowingCache,
    edits: dict[Site, Callable[[Tensor], Tensor]],
    head: Callable[[Tensor], Tensor],
) -> Float[Tensor, "n vocab"]:
    logits: Tensor = run(model, Pass(ids, sees, positions=positions, cache=cache, edits=edits, head=head)).logits
    return logits
