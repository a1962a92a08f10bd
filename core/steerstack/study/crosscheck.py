"""The same plans on two engines: nnsight's, by which everything here is measured, and a backend's.

Each sequence is handed over as token ids and run whole, once by each. In the backend's raw basis the logits
are compared; in any other, where they may be shifted by a constant at each position, the log-probabilities.

Some edits magnify rounding: a stream that was projected onto one direction is a single number at each token,
and the next norm makes the same of a large and of a tiny one. So nnsight also runs each arm with its activations
disturbed by about the rounding of float32, and a difference that this alone makes is no disagreement.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.catalog.lookup import find
from steerstack.contracts import Opened
from steerstack.engine.layout.edit_places import edits_at
from steerstack.errors import ModelError
from steerstack.measure.residual_norms import residual_norms
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.steering.vector import SteeringVector, random_like
from steerstack.techniques.apply import apply
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model

TOLERANCE = 1e-4
"""Largest difference of a logit, or of a log-probability (nats), that counts as agreement."""

ROUNDING = 4 * torch.finfo(torch.float32).eps
"""Size of the disturbance, as a share of the norm of the activations at the input of each block and of each edit."""

AT_MOST = 1e-2
"""A difference above this is a disagreement, whatever rounding does."""

DTYPES = ("float32", "float64")
"""In coarser ones rounding hides what is to be seen. (Edits themselves are computed in float32.)"""

EDITS = ("add", "ablate", "project")
"""Edits that are compared where none are named."""

SHARE = 0.5
"""Norm of a random direction, as a share of the residual stream's at its layer."""

UNSTEERED = "unsteered"


@dataclass(frozen=True)
class ComparisonArm:
    """One plan that both run: the direction's name, the edit, and the layer (None unsteered)."""

    direction: str
    edit: str
    layer: int | None
    plan: Plan = field(default_factory=Plan)

    def __str__(self) -> str:
        return self.edit if self.layer is None else f"{self.edit} {self.direction} at layer {self.layer}"


@dataclass(frozen=True)
class Compared:
    """One arm in one basis.

    Attributes
    ----------
    basis, direction, edit, layer:
        Which.
    quantity:
        ``logits`` or ``log-probabilities``.
    difference:
        The largest over all tokens and sequences.
    moved:
        The largest change that the edit makes to that quantity on nnsight's side; 0 unsteered.
    rounding:
        The largest change of it, there, when the activations are disturbed by about their rounding.
    not_portable:
        What the backend said before the run about what does not mean the same there.
    agrees:
        Whether the difference is within the tolerance, or within what rounding does (:data:`AT_MOST` at most).
    """

    basis: str
    direction: str
    edit: str
    layer: int | None
    quantity: str
    difference: float
    moved: float
    rounding: float
    not_portable: tuple[str, ...]
    agrees: bool

    @property
    def passes(self) -> bool:
        """Whether it agrees, or was said not to be portable."""
        return self.agrees or bool(self.not_portable)


@dataclass(frozen=True)
class CrossCheck:
    """All that was compared, and whether the engines agree."""

    model: Model
    backend: str
    tolerance: float
    n_sequences: int
    compared: tuple[Compared, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every arm that is portable agrees."""
        return bool(self.compared) and all(one.passes for one in self.compared)

    def largest(self) -> dict[str, float]:
        """For each basis that has portable arms, the largest difference among them."""
        portable = [one for one in self.compared if not one.not_portable]
        by_basis = {one.basis: [each.difference for each in portable if each.basis == one.basis] for one in portable}
        return {
            basis: float(torch.tensor(differences, dtype=torch.float64).max())
            for basis, differences in by_basis.items()
        }

    def to_json(self) -> dict[str, object]:
        """The file form of ``crosscheck --json``."""
        return {
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "paths": self.model.paths_taken,
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "backend": self.backend,
            "tolerance": self.tolerance,
            "n_sequences": self.n_sequences,
            "largest_difference": self.largest(),
            "passed": self.passed,
            "compared": [{**asdict(one), "passes": one.passes} for one in self.compared],
        }


def arms_of(
    model: Model, vector: SteeringVector | None, *, layers: Sequence[int], edits: Sequence[str], seed: int = 0
) -> list[ComparisonArm]:
    """The arms: unsteered, and each edit with the vector and with a random direction at each layer.

    The random direction has the vector's norm; without a vector, half the residual stream's.

    Raises
    ------
    SiteError
        The vector has no such layer.
    """
    tokens = Tokens("all")
    if vector is None:
        norms = residual_norms(model)
        axes = {layer: SHARE * norms[layer] * torch.eye(model.d_model)[0] for layer in layers}
        directions = {"random": random_like(SteeringVector(axes), seed)}
    else:
        plain = SteeringVector({layer: vector[layer] for layer in layers}, vector.component)
        directions = {"vector": plain, "random": random_like(plain, seed)}
    arms = [ComparisonArm("none", UNSTEERED, None)]
    for name, of in directions.items():
        for edit in edits:
            instance = find("edit", edit).make()
            arms += [
                ComparisonArm(name, edit, layer, apply(of, layer, 1.0, tokens=tokens, edit=instance))
                for layer in layers
            ]
    return arms


Logits = Float[Tensor, "token vocab"]


def steered_logits(model: Model, sequence: TokenSequence, plan: Plan, *, disturbed: float = 0.0) -> Logits:
    """Logits at every token of one unpadded sequence under a plan, in float32, by nnsight.

    Parameters
    ----------
    model, sequence, plan:
        What is run.
    disturbed:
        Size of the noise that is added to the activations at the input of each block, and before each
        edit, as a share of their norm.
    """
    model.check_plan(plan)
    ids = torch.tensor([sequence.ids])
    edits = edits_at([plan], lambda edit, _arm: [(0, position) for position in edit.tokens.positions(sequence)])
    if disturbed:
        inputs = [Site("resid_pre", layer) for layer in range(model.n_layers)]
        edits = {at: partial(_disturbed, edits.get(at, torch.clone), disturbed, at.layer) for at in {*inputs, *edits}}
    outcome = run(model, Pass(ids, torch.ones_like(ids, dtype=torch.bool), edits=edits, head=lambda h: h[0]))
    return outcome.logits.float().cpu()  # type: ignore[no-any-return]


def _disturbed(edit: Callable[[Tensor], Tensor], size: float, seed: int, hidden: Tensor) -> Tensor:
    """What an edit makes of activations that are off by some share of their norm."""
    noise = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(seed)).to(hidden)
    return edit(hidden + size * hidden.norm(dim=-1, keepdim=True) * noise / noise.norm(dim=-1, keepdim=True))


def crosscheck(
    model: Model,
    backend: str,
    bases: Mapping[str, Callable[[], Opened]],
    sequences: Sequence[TokenSequence],
    arms: Sequence[ComparisonArm],
    *,
    tolerance: float = TOLERANCE,
    rounding: float = ROUNDING,
    say: Callable[[str], None] = lambda _: None,
    advance: Callable[[int], None] = lambda _: None,
) -> CrossCheck:
    """Run every arm by nnsight and by a backend, and compare.

    Parameters
    ----------
    model:
        nnsight's side.
    backend, bases:
        The backend's name, and for each basis how it is opened: each is opened once and let go of.
    sequences, arms:
        What is run.
    tolerance:
        Largest difference that counts as agreement.
    rounding:
        Size of the disturbance whose effect is no disagreement, as :data:`ROUNDING`.
    say:
        Told, before a basis is run, what of the arms does not mean the same there.
    advance:
        Told how many sequences of an arm are done.

    Raises
    ------
    ModelError
        The model is of a dtype whose rounding would hide a disagreement.
    """
    if str(model.dtype).removeprefix("torch.") not in DTYPES:
        raise ModelError(
            "Rounding would hide a disagreement.", seen=f"{model.dtype}", fix=f"Use --dtype {' or '.join(DTYPES)}."
        )
    ours = [[steered_logits(model, sequence, arm.plan) for sequence in sequences] for arm in arms]
    near = [[steered_logits(model, sequence, arm.plan, disturbed=rounding) for sequence in sequences] for arm in arms]
    result = CrossCheck(model, backend, tolerance, len(sequences))
    for basis, open_ in bases.items():
        opened = open_()
        differs = [tuple(opened.portable(arm.plan)) for arm in arms]
        for sentence in dict.fromkeys(sentence for of in differs for sentence in of):
            say(f"{basis} basis: {sentence}")
        quantity = "logits" if basis == "raw" else "log-probabilities"
        comparisons = []
        for arm, of_arm, beside, not_portable in zip(arms, ours, near, differs, strict=True):
            theirs = []
            for sequence in sequences:
                theirs.append(opened.logits(sequence, arm.plan))
                advance(1)
            gap = partial(_gap, of_arm, quantity=quantity)
            difference, effect, noise = gap(theirs), gap(ours[0]), gap(beside)
            about = (basis, arm.direction, arm.edit, arm.layer, quantity, difference, effect, noise, not_portable)
            comparisons.append(Compared(*about, agrees=difference <= max(tolerance, min(noise, AT_MOST))))
        result = replace(result, compared=(*result.compared, *comparisons))
    return result


def _gap(a: Sequence[Logits], b: Sequence[Logits], quantity: str) -> float:
    """Largest difference over all sequences and tokens."""
    if quantity == "log-probabilities":
        a, b = ([logits.log_softmax(-1) for logits in of] for of in (a, b))
    return max(float((mine - theirs).abs().max()) for mine, theirs in zip(a, b, strict=True))
