"""Edits of activations in a trainer's passes: which tokens they touch is counted, and checked in every step."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from steerstack.errors import ModelError
from steerstack.trace.plain import set_hook_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steerstack.contracts import TrainWith
    from steerstack.steering.intervention import Plan
    from steerstack.steering.site import Site
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model

Places = tuple[Tensor, Tensor]
"""Rows and columns of one batch, each [place]."""


class TrainerEdits:
    """The edits of a plan, in place in the passes of :meth:`step` and in no other.

    Texts are known by their token ids, so that any trainer may put them into batches in its own order.

    Parameters
    ----------
    given:
        What is in place in training; None for nothing, and then nothing here does anything.
    model:
        The model of whose copy is trained.
    texts:
        All texts that are trained on in one epoch.
    passes:
        Forward passes of a step over the same tokens.

    Attributes
    ----------
    rows:
        Activations edited so far: one a token and edit.
    """

    def __init__(
        self, given: TrainWith | None, model: Model, texts: Sequence[TokenSequence], *, passes: int = 1
    ) -> None:
        from steerstack.steering.intervention import Plan

        self.plan: Plan = given.plan() if given else Plan()
        model.check_plan(self.plan)
        self.paths = {site: model.path(site) for site in self.plan.sites}
        self.texts, self.passes = texts, passes
        self.by_ids = {text.ids: text for text in texts} if self.plan else {}
        self.rows = 0
        self._live = False
        self._places: list[Places] = []
        self._shape: tuple[int, ...] = ()

    def rows_of(self, text: TokenSequence) -> int:
        """Activations that one pass over a text is to edit."""
        return sum(len(edit.tokens.positions(text)) for edit in self.plan)

    @contextlib.contextmanager
    def attached(self, module: nn.Module) -> Iterator[None]:
        """Set the hooks on a trainer's module, with adapters or without, and remove them afterwards."""
        inner: nn.Module = getattr(module, "get_base_model", lambda: module)()
        with contextlib.ExitStack() as hooks:
            if self.plan:
                hooks.callback(module.register_forward_pre_hook(self._enter, with_kwargs=True).remove)
            for site, path in self.paths.items():
                hook = set_hook_on(inner.get_submodule(path), site, partial(self._edit, site))
                hooks.callback(hook.remove)
            yield

    @contextlib.contextmanager
    def step(self, ids: Tensor, mask: Tensor | None) -> Iterator[None]:
        """Edit the passes of one step over a batch [row, token], and check that as many rows were edited as asked for.

        Raises
        ------
        ModelError
            There were more or fewer: a layer was not run, say, or run twice.
        """
        if not self.plan:
            yield
            return
        before, self._live = self.rows, True
        try:
            yield
        finally:
            self._live = False
        expected = self.passes * sum(self.rows_of(text) for text, _ in self._texts(ids, mask))
        self._compare(self.rows - before, expected, "A training step")

    def check(self, epochs: int) -> dict[str, object]:
        """What the record says of it, once all epochs are over.

        Raises
        ------
        ModelError
            The whole training edited more or fewer rows than its tokens ask for.
        """
        if not self.plan:
            return {}
        self._compare(self.rows, epochs * self.passes * sum(map(self.rows_of, self.texts)), "Training")
        tokens = epochs * self.passes * sum(map(len, self.texts))
        return {"edited_rows": self.rows, "training_tokens": tokens, "edits": self.plan.describe()}

    def _compare(self, count: int, expected: int, what: str) -> None:
        if count != expected:
            raise ModelError(
                f"{what} edited other activations than its tokens ask for.",
                seen=f"{count} rows edited, {expected} to be edited at {', '.join(map(str, self.paths))}",
                fix="Train without train_with, or choose another site: this model does not run it once in a pass.",
            )

    def _texts(self, ids: Tensor, mask: Tensor | None) -> Iterator[tuple[TokenSequence, Tensor]]:
        """The text of each row, and the columns that hold it."""
        exists = torch.ones_like(ids) if mask is None else mask
        for row, there in zip(ids, exists.bool(), strict=True):
            text = self.by_ids.get(tuple(row[there].tolist()))
            if text is None:
                raise ModelError(
                    "A training step holds a text that is none of those to be trained on.",
                    seen=f"{int(there.sum())} tokens",
                    fix="The trainer changed the texts, so it cannot be told which tokens to edit: train without "
                    "train_with.",
                )
            yield text, there.nonzero()[:, 0]

    def _enter(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before a pass: find the places of each edit."""
        if not self._live:
            return
        ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
        texts = list(self._texts(ids, kwargs.get("attention_mask")))
        self._shape = tuple(ids.shape)
        self._places = [
            (
                torch.tensor([row for row, (text, _) in enumerate(texts) for _ in edit.tokens.positions(text)]),
                torch.cat([columns[list(edit.tokens.positions(text))] for text, columns in texts]),
            )
            for edit in self.plan
        ]

    def _edit(self, site: Site, hidden: Tensor) -> Tensor:
        """The activations at a site, edited, with their graph."""
        if not self._live:
            return hidden
        changed = hidden.reshape(*self._shape, -1)  # OPT flattens batch and token
        for edit, (row, column) in zip(self.plan, self._places, strict=True):
            if edit.site == site:
                places = row.to(hidden.device), column.to(hidden.device)
                edited = edit.edit(changed[places])
                changed = changed.index_put(places, edited)
                self.rows += len(edited)
        return changed.reshape(hidden.shape)
