"""Interventions are pure values: they describe an edit, the engine carries it out.

Importing this imports no torch, so that plugins with edits of their own stay light.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Self, TypeGuard

from steerstack.errors import ArgumentError, DegenerateDirectionError
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.util import digest, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float
    from torch import Tensor


def _is_tensor(value: object) -> TypeGuard[Tensor]:
    import torch

    return isinstance(value, torch.Tensor)


def check_finite(tensor: Float[Tensor, "*shape"], what: str) -> None:
    """Refuse NaN and infinity.

    Raises
    ------
    DegenerateDirectionError
        An entry is not finite.
    """
    if not bool(tensor.isfinite().all()):
        bad = int((~tensor.isfinite()).sum())
        raise DegenerateDirectionError(
            f"The {what} is not finite.",
            seen=f"{bad} of {tensor.numel()} entries are NaN or infinite",
            fix="Extract the vector again; check the model's dtype and the data for empty answers.",
        )


def check_direction(direction: Float[Tensor, " d_model"], what: str = "direction") -> None:
    """Refuse a direction that is NaN, infinite or zero.

    Raises
    ------
    DegenerateDirectionError
        The direction cannot be used.
    """
    check_finite(direction, what)
    if not bool(direction.any()):
        raise DegenerateDirectionError(
            f"The {what} is zero.",
            seen="norm 0",
            fix="The two sides of the data are the same at this site: check the pairs and the position.",
        )


def _content(value: object) -> object:
    if _is_tensor(value):
        return {"tensor": digest.of_tensors([("", value)])}
    if isinstance(value, Site | Tokens):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)  # a scale of 2 is a scale of 2.0
    return value


@dataclass(frozen=True, eq=False, repr=False)
class Intervention(ABC):
    """One edit of activations at a site, for some tokens. It holds no model.

    ``eq=False`` because equality of tensors is not a bool: compare :attr:`fingerprint`.
    """

    site: Site

    @property
    @abstractmethod
    def tokens(self) -> Tokens:
        """Which positions the edit touches."""

    @abstractmethod
    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The edited activations, position by position; ``hidden`` is left untouched."""

    @property
    def width(self) -> int | None:
        """The ``d_model`` that the edit needs, or None when any will do."""
        for part in fields(self):
            value = getattr(self, part.name)
            if _is_tensor(value):
                return int(value.shape[-1])
        return None

    def describe(self) -> dict[str, object]:
        """A JSON description, with tensors replaced by their digests."""
        content = {part.name: _content(getattr(self, part.name)) for part in fields(self)}
        return {"edit": type(self).__name__, **content}

    @property
    def fingerprint(self) -> str:
        """Digest of the kind of edit and all it holds."""
        return digest.of_json(self.describe())

    @property
    def commutes(self) -> bool:
        """Whether others of its kind may come before or after it at one site, with the same outcome."""
        return False

    def __rshift__(self, other: Intervention | Plan) -> Plan:
        return Plan((self,)) >> other

    def __add__(self, other: Intervention | Plan) -> Plan:
        return Plan((self,)) + other

    def __repr__(self) -> str:
        return show.line(f"<{self}>")

    def __str__(self) -> str:
        values = ((part.name, getattr(self, part.name)) for part in fields(self) if part.name not in _TOLD)
        settings = [f"{name} {value}" for name, value in values if isinstance(value, str | int | float)]
        return " ".join([type(self).__name__, *settings, f"at {self.site} on {self.tokens}"])

    def _repr_html_(self) -> str:
        return Plan((self,))._repr_html_()


_TOLD = ("site", "selection")


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """Edits, joined by ``>>`` or ``+``.

    ``a >> b`` does ``a`` first and ``b`` on what it left; ``>>`` is associative, ``Plan()`` its identity.
    Edits at different sites happen in the order of the forward pass; the order within the
    plan decides among edits at the same site.

    ``a + b`` does both, and says that the order does not matter: ``a + b`` and ``b + a`` are one plan, of one
    fingerprint. Where the order would matter (two edits at one site, of which one is no plain addition) it is
    refused.
    """

    edits: tuple[Intervention, ...] = ()

    def __rshift__(self, other: Intervention | Plan) -> Plan:
        return Plan(self.edits + _edits_of(other))

    def __add__(self, other: Intervention | Plan) -> Plan:
        mine, theirs = self.edits, _edits_of(other)
        for a in mine:
            for b in theirs:
                if a.site == b.site and not (a.commutes and b.commutes):
                    raise ArgumentError(
                        f"The order of two edits at {a.site} matters, so they cannot be joined by +.",
                        seen=f"{type(a).__name__} and {type(b).__name__}",
                        fix="Write a >> b for a first, or b >> a for b first.",
                    )
        # where edits do not commute, one side alone has edits at that site, and the stable sort keeps their order
        return Plan(tuple(sorted((*mine, *theirs), key=lambda e: (e.site.order, e.fingerprint if e.commutes else ""))))

    def __repr__(self) -> str:
        return show.line(f"<Plan: {' >> '.join(map(str, self.edits)) or 'no edit'}>")

    def _repr_html_(self) -> str:
        rows = [
            (place, type(edit).__name__, edit.site, edit.tokens, getattr(edit, "scale", getattr(edit, "strength", "")))
            for place, edit in enumerate(self.edits, 1)
        ]
        return show.table(("", "edit", "site", "tokens", "strength"), rows) if rows else "<p>A plan without edits.</p>"

    def __iter__(self) -> Iterator[Intervention]:
        return iter(self.edits)

    def __len__(self) -> int:
        return len(self.edits)

    @property
    def sites(self) -> tuple[Site, ...]:
        """The edited sites, in the order of the forward pass."""
        return tuple(sorted({edit.site for edit in self.edits}, key=lambda site: site.order))

    def describe(self) -> list[dict[str, object]]:
        """A JSON description of every edit, in order."""
        return [edit.describe() for edit in self.edits]

    @property
    def fingerprint(self) -> str:
        """Digest of all edits, in order."""
        return digest.of_json(self.describe())


def _edits_of(joined: Intervention | Plan) -> tuple[Intervention, ...]:
    if isinstance(joined, Plan):
        return joined.edits
    if isinstance(joined, Intervention):
        return (joined,)
    raise ArgumentError(
        f"A {type(joined).__name__} is no plan and no edit.",
        fix="Join plans and edits; a vector becomes a plan by vector.at(layer, scale).",
    )


@dataclass(frozen=True, eq=False, repr=False)
class SelectiveIntervention(Intervention):
    """An intervention that keeps its token selection in a field (all of ours do)."""

    selection: Tokens = field(default=Tokens("response"), kw_only=True)

    @property
    def tokens(self) -> Tokens:
        """Which positions the edit touches."""
        return self.selection

    def on(self, tokens: Tokens) -> Self:
        """The same edit on other tokens."""
        return replace(self, selection=tokens)
