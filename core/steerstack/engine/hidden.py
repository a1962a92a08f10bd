"""Activations of whole sequences at a few sites, for methods that read or train by them."""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from steerstack.engine.layout.batches import room
from steerstack.engine.layout.edit_places import edits_at
from steerstack.engine.limits import check_fits
from steerstack.engine.proof import prove
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model

pad_rows = partial(torch.nn.utils.rnn.pad_sequence, batch_first=True)
"""Rows of several lengths as one tensor, filled up on the right with zeros."""


def hidden_states(
    model: Model, sequences: Sequence[TokenSequence], sites: Sequence[Site], plan: Plan | None = None
) -> dict[Site, Float[Tensor, "sequence token width"]]:
    """Activations of every token, filled up on the right, in one pass that ends at the last site.

    Where the model does not give the same for several sequences at once, or for rows that are
    filled up, there is a pass for each sequence.

    Parameters
    ----------
    model, sequences:
        The model, and what is run.
    sites:
        Where to read, after the edits.
    plan:
        The edits, whose tensors get gradients; without one, none are kept.

    Raises
    ------
    DataError
        A sequence is too long for the model.
    """
    prove(model)
    check_fits(model, sequences)
    if not fit_one_pass(model, sequences):
        parts = [hidden_states(model, [sequence], sites, plan) for sequence in sequences]
        return {site: pad_rows([part[site][0] for part in parts]) for site in sites}
    ids, exists = padded_ids(sequences)
    edits = edits_at([plan or Plan()] * len(sequences), lambda edit, row: [
        (row, position) for position in edit.tokens.positions(sequences[row])
    ])  # fmt: skip
    work = Pass(ids, exists, edits=edits, read={site: lambda h: h for site in sites}, gradients=plan is not None)
    return run(model, work).read


def fit_one_pass(model: Model, sequences: Sequence[TokenSequence]) -> bool:
    """Whether the model gives the same for all sequences in one pass as for each alone."""
    lengths = sorted(map(len, sequences), reverse=True)
    return len(sequences) == 1 or room(model, lengths, 1 << 30) >= len(sequences)


def padded_ids(sequences: Sequence[TokenSequence]) -> tuple[Tensor, Bool[Tensor, "sequence token"]]:
    """Token ids [sequence, token] filled up on the right with zeros, and which of them are tokens."""
    rows = [torch.tensor(sequence.ids) for sequence in sequences]
    return pad_rows(rows), pad_rows([torch.ones_like(row, dtype=torch.bool) for row in rows])
