"""A plan as plain forward hooks, for loops that are not ours."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from steerstack.data.prompts import Prompt
from steerstack.errors import ArgumentError, NothingEditedError, RemoteError
from steerstack.steering.plan_argument import as_plan
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.plain import set_hook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steerstack.steering.intervention import Intervention, Plan
    from steerstack.steering.site import Site
    from steerstack.trace.model import Model

Place = tuple[int, int]
"""(row, column) in a pass."""


@contextlib.contextmanager
def steered(model: Model, plan: Plan | Intervention, starts: Sequence[tuple[int, int]] | None) -> Iterator[None]:
    """Edit every pass of ``model.module`` as the plan says: see :meth:`steerstack.trace.model.Model.steer`."""
    plan = as_plan(plan)
    if model.remote is not None:
        raise RemoteError(
            f"The weights of {model.name} are on {model.remote}: there is no loop of one's own to steer.",
            fix="Use generate or evaluate, which run there.",
        )
    model.check_plan(plan)
    state = _Loop(model, plan, starts)
    with contextlib.ExitStack() as stack:
        before = model.module.register_forward_pre_hook(state.enter, with_kwargs=True)
        stack.callback(before.remove)
        for site in plan.sites:
            stack.callback(set_hook(model, site, partial(state.edit, site)).remove)
        yield
    if state.passes and len(plan) and not state.edited:
        raise NothingEditedError(
            "The plan edited no position.",
            seen=f"{state.passes} passes; token selection {', '.join(sorted({str(e.tokens) for e in plan}))}",
            fix="Choose another selection: all, prompt, response, last or indices.",
        )


@dataclass
class _Loop:
    """Where the loop is: which of the plan's positions lie in the pass that is under way."""

    model: Model
    plan: Plan
    starts: Sequence[tuple[int, int]] | None
    passes: int = 0
    edited: int = 0
    prompts: list[TokenSequence] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    places: list[list[Place]] = field(default_factory=list)
    shape: tuple[int, int] = (0, 0)

    def enter(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before a pass: find the places of each edit."""
        ids = kwargs.get("input_ids", args[0] if args else None)
        if not isinstance(ids, Tensor):
            raise ArgumentError(
                "The model was run without token ids, so the plan cannot tell which positions these are.",
                fix="Pass input_ids; embeddings cannot be steered in a loop.",
            )
        rows, width = self.shape = (ids.shape[0], ids.shape[1])
        past = kwargs.get("past_key_values")
        before = int(past.get_seq_length()) if past is not None else 0
        mask = kwargs.get("attention_mask")
        exists = torch.ones(rows, width, dtype=torch.bool)
        if isinstance(mask, Tensor) and mask.ndim == 2:
            exists = mask[:, -width:].bool().cpu()
        if before == 0:
            texts = [ids[row].cpu()[exists[row]].tolist() for row in range(rows)]
            self.prompts = [self._marked(row, text) for row, text in enumerate(texts)]
            self.seen = [0] * rows
        self.passes += 1
        self.places = [self._of(edit, exists) for edit in self.plan]
        self.seen = [count + int(exists[row].sum()) for row, count in enumerate(self.seen)]
        self.edited += sum(map(len, self.places))

    def _of(self, edit: Intervention, exists: Tensor) -> list[Place]:
        places: list[Place] = []
        for row, (sequence, start) in enumerate(zip(self.prompts, self.seen, strict=True)):
            own_places = set(edit.tokens.positions(sequence))
            for position, column in enumerate(exists[row].nonzero()[:, 0].tolist(), start):
                later = position >= len(sequence) and edit.tokens.go_on_after(sequence)
                if later or position in own_places:
                    places.append((row, column))
        return places

    def _marked(self, row: int, ids: list[int]) -> TokenSequence:
        if self.starts is not None:
            if row >= len(self.starts):
                raise ArgumentError(
                    f"There are more rows than starts: {len(self.starts)}.", fix="Give one start for each row."
                )
            return TokenSequence(tuple(ids), *self.starts[row])
        if all(edit.tokens.region == "all" for edit in self.plan):
            return TokenSequence(tuple(ids), len(ids), len(ids))
        sample = self.model.format.sequence(Prompt("Hi"))
        header = list(sample.ids[sample.response_start :])
        last = len(ids) - len(header)
        # a header of one token, such as a bracket, may stand anywhere in a text: it counts at the very end only
        for at in range(last, -1 if len(header) > 1 else last - 1, -1):
            if at >= 0 and ids[at : at + len(header)] == header:
                return TokenSequence(tuple(ids), at, at + len(header))
        raise ArgumentError(
            "Where the response begins was not found in the tokens.",
            seen=repr(self.model.tokenizer.decode(ids[-20:])),
            fix="Render the prompt by the chat template with add_generation_prompt=True; or give "
            "starts=[(response_start, answer_start), ...]; or use an edit on all tokens.",
        )

    def edit(self, site: Site, hidden: Tensor) -> Tensor:
        """The activations at a site, edited."""
        result = hidden.reshape(*self.shape, -1).clone()  # OPT flattens batch and token
        for edit, places in zip(self.plan, self.places, strict=True):
            if edit.site == site and places:
                row, column = torch.tensor(places).unbind(1)
                result[row, column] = edit.edit(result[row, column])
        return result.reshape(hidden.shape)
