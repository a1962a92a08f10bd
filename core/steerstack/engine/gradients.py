"""Forward passes that can be differentiated by what the edits hold: for vectors that are trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from steerstack.engine.hidden import fit_one_pass, pad_rows, padded_ids
from steerstack.engine.layout.edit_places import Place, edits_at
from steerstack.engine.limits import check_fits
from steerstack.engine.proof import prove
from steerstack.steering.intervention import Intervention, Plan, SelectiveIntervention
from steerstack.steering.site import Site
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model


@final
@dataclass(frozen=True, eq=False)
class Shift(SelectiveIntervention):
    """``h + v`` for a direction that is being trained: unlike ``Add`` it may be zero, and carries gradients."""

    direction: Float[Tensor, " d_model"]

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations with the direction added."""
        return hidden + self.direction.to(hidden)


@dataclass(frozen=True)
class Differentiable:
    """What a pass gives back, with its graph.

    Attributes
    ----------
    logp:
        For each sequence, the summed log-probability (nats) of its answer tokens given what precedes them.
    hidden:
        For each site that was read, [sequence, token, d_model], padded on the right.
    exists:
        Which tokens are not padding.
    """

    logp: Float[Tensor, " sequence"]
    hidden: dict[Site, Float[Tensor, "sequence token d_model"]]
    exists: Bool[Tensor, "sequence token"]


def differentiable(
    model: Model, sequences: Sequence[TokenSequence], plan: Plan | Sequence[Plan], *, read: Sequence[Site] = ()
) -> Differentiable:
    """Run sequences under a plan in one pass, keeping the graph.

    The model's weights are frozen: gradients reach only tensors that the plan's edits hold.

    Parameters
    ----------
    model, sequences:
        The model, and what is run.
    plan:
        One plan for all sequences, or one for each.
    read:
        Sites whose activations are kept, after the edits.

    Raises
    ------
    SiteError, ModelError
        A plan does not fit the model.
    """
    plans = [plan] * len(sequences) if isinstance(plan, Plan) else list(plan)
    for one in plans:
        model.check_plan(one)
    prove(model)
    check_fits(model, sequences)
    if not fit_one_pass(model, sequences):
        return _together([differentiable(model, [s], p, read=read) for s, p in zip(sequences, plans, strict=True)])
    ids, exists = padded_ids(sequences)
    answers = [(row, p) for row, s in enumerate(sequences) for p in range(s.answer_start, len(s))]

    def where(edit: Intervention, row: int) -> list[Place]:
        return [(row, position) for position in edit.tokens.positions(sequences[row])]

    row, position = torch.tensor(answers or [(0, 1)]).unbind(1)  # without an answer, a value nobody adds up
    targets = ids[row, position].to(model.device)

    def look_up(logits: Tensor) -> Tensor:
        return logits.float().log_softmax(-1).gather(1, targets[:, None])[:, 0]

    outcome = run(
        model,
        Pass(
            ids,
            exists,
            edits=edits_at(plans, where),
            read={site: lambda h: h for site in read},
            head=lambda h: h[row, position - 1],
            logits=look_up,
            gradients=True,
        ),
    )
    summed = torch.zeros(len(sequences), device=outcome.logits.device)
    logp = summed.index_add(0, row.to(summed.device), outcome.logits) if answers else summed
    return Differentiable(logp, outcome.read, exists)


def _together(parts: Sequence[Differentiable]) -> Differentiable:
    """What passes of one sequence each gave, as if they had been one."""
    hidden = {site: pad_rows([part.hidden[site][0] for part in parts]) for site in parts[0].hidden}
    exists = pad_rows([part.exists[0] for part in parts])
    return Differentiable(torch.cat([part.logp for part in parts]), hidden, exists)
