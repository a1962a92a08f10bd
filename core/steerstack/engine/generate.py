"""Steered generation: prompts x arms decode in one batch, and rows that finish leave it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steerstack.engine.arms import Count
from steerstack.intervention import Intervention, Plan
from steerstack.site import Site
from steerstack.tokens import TokenSequence
from steerstack.trace.cache import GrowingCache
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    Attributes
    ----------
    max_new_tokens:
        Bound on the answer's length.
    temperature:
        0 takes the most likely token.
    top_p:
        Nucleus from which is drawn (Holtzman et al., arXiv 1904.09751).
    seed:
        Seed of the draws.
    """

    max_new_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Continuations:
    """What one arm generated: new token ids for each prompt, and how many positions it edited."""

    tokens: list[tuple[int, ...]]
    edited: Count


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


def generate(
    model: Model,
    prompts: Sequence[TokenSequence],
    arms: Sequence[Plan],
    sampling: Sampling = Sampling(),  # a frozen value
    *,
    batch: int = 32,
    progress: Callable[[int], None] | None = None,
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
        Rows (prompts x arms) that decode together.
    progress:
        Told how many rows are done.

    Raises
    ------
    NothingEditedError
        A plan with edits touched no position of any prompt and no generated token.
    """
    for plan in arms:
        model.check_plan(plan)
    work = sorted(
        ((arm, index) for arm in range(len(arms)) for index in range(len(prompts))),
        key=lambda row: len(prompts[row[1]]),
    )
    answers: dict[tuple[int, int], list[int]] = {row: [] for row in work}
    generator = torch.Generator(device="cpu").manual_seed(sampling.seed)
    for at in range(0, len(work), batch):
        rows = work[at : at + batch]
        _decode(model, prompts, arms, rows, sampling, generator, answers)
        if progress:
            progress(len(rows))
    return [
        Continuations(
            [tuple(answers[arm, index]) for index in range(len(prompts))],
            _count(plan, prompts, [answers[arm, index] for index in range(len(prompts))]).require(plan),
        )
        for arm, plan in enumerate(arms)
    ]


def _count(plan: Plan, prompts: Sequence[TokenSequence], answers: Sequence[Sequence[int]]) -> Count:
    total = 0
    for prompt, answer in zip(prompts, answers, strict=True):
        total += len({p for edit in plan for p in edit.tokens.positions(prompt)})
        if any(edit.tokens.includes_generated for edit in plan):
            total += max(len(answer) - 1, 0)  # the last generated token is never run
    return Count(total, len(prompts))


def _decode(
    model: Model,
    prompts: Sequence[TokenSequence],
    arms: Sequence[Plan],
    rows: list[tuple[int, int]],
    sampling: Sampling,
    generator: torch.Generator,
    answers: dict[tuple[int, int], list[int]],
) -> None:
    stops = _stop_tokens(model)
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
    state = _Rows(rows, mask, cache, _choose(logits, sampling, generator))
    for step in range(sampling.max_new_tokens):
        going = torch.ones(len(state.of), dtype=torch.bool)
        for row, (key, token) in enumerate(zip(state.of, state.last.tolist(), strict=True)):
            answers[key].append(token)
            going[row] = token not in stops
        if step + 1 == sampling.max_new_tokens or not bool(going.any()):
            return
        state.keep(going)
        state.mask = torch.cat([state.mask, torch.ones(len(state.of), 1, dtype=torch.bool)], 1)
        edits = _edits(arms, state.of, lambda edit, _: [0] if edit.tokens.includes_generated else [])
        logits = _step(model, state.last[:, None], state.mask, cache, edits)
        state.last = _choose(logits, sampling, generator)


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
    by_site: dict[Site, list[tuple[Intervention, Tensor, Tensor]]] = {}
    for arm, plan in enumerate(arms):
        mine = [(row, index) for row, (of, index) in enumerate(rows) if of == arm]
        for edit in plan:
            places = [(row, position) for row, index in mine for position in where(edit, index)]
            if places:
                row_of, position_of = torch.tensor(places).unbind(1)
                by_site.setdefault(edit.site, []).append((edit, row_of, position_of))

    def editor(entries: list[tuple[Intervention, Tensor, Tensor]]) -> Callable[[Tensor], Tensor]:
        def edit_all(hidden: Tensor) -> Tensor:
            changed = hidden.clone()
            for edit, row_of, position_of in entries:
                changed[row_of, position_of] = edit.edit(changed[row_of, position_of])
            return changed

        return edit_all

    return {site: editor(entries) for site, entries in by_site.items()}


def _choose(logits: Float[Tensor, "row vocab"], sampling: Sampling, generator: torch.Generator) -> Int[Tensor, " row"]:
    if sampling.temperature == 0:
        return logits.argmax(-1)
    probabilities = (logits.float() / sampling.temperature).softmax(-1).cpu()
    if sampling.top_p < 1:
        ordered, index = probabilities.sort(-1, descending=True)
        beyond = ordered.cumsum(-1) - ordered > sampling.top_p
        probabilities = torch.zeros_like(ordered).scatter(-1, index, ordered.masked_fill(beyond, 0))
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0].to(logits.device)


def _stop_tokens(model: Model) -> set[int]:
    config = getattr(model.module, "generation_config", None)
    stops = getattr(config, "eos_token_id", None)
    if stops is None:
        stops = model.tokenizer.eos_token_id
    return set(stops) if isinstance(stops, list) else {stops} if stops is not None else set()
