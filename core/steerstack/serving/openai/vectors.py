"""Vectors that requests may name: those that the server was started with, and registered ones. No path is opened."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from steerstack.catalog.lookup import find
from steerstack.catalog.recorder import recorder
from steerstack.errors import ArgumentError
from steerstack.serving.openai.refusal import UnknownNameError
from steerstack.steering.intervention import Plan
from steerstack.steering.origin import UNKNOWN
from steerstack.steering.tokens import Tokens
from steerstack.techniques.apply import apply_all
from steerstack.util.show import ranges

if TYPE_CHECKING:
    from steerstack.serving.openai.form import SteeringForm
    from steerstack.steering.vector import SteeringVector
    from steerstack.trace.model import Model

_VERSION = re.compile(r"models:/[^/@:?#%\\\x00-\x1f]+/[0-9]+")
_ALIAS = re.compile(r"models:/[^/@:?#%\\\x00-\x1f]+@[A-Za-z0-9_-]+")

KEPT = 64
"""Registered versions that are kept in memory. An alias is looked up again for every request: it may move."""


class VectorShelf:
    """Finds the vectors that requests name, and makes plans of them.

    Parameters
    ----------
    model:
        On which they are to act.
    named:
        Those that the server was started with, by name.
    tracking_uri:
        Where registered ones are; None for the default store.
    """

    def __init__(self, model: Model, named: Mapping[str, SteeringVector], tracking_uri: str | None = None) -> None:
        self._model, self._named, self._tracking_uri = model, dict(named), tracking_uri
        self._versions: dict[str, SteeringVector] = {}
        for vector in self._named.values():
            model.check_vector(vector, transfer=True)  # whether other weights are wanted is for requests to say

    @property
    def names(self) -> list[str]:
        """Names of those that the server was started with."""
        return sorted(self._named)

    def get(self, name: str) -> SteeringVector:
        """The vector of a name.

        Raises
        ------
        UnknownNameError
            It is neither registered nor named at the start.
        RegistryError
            There is no such registered vector, or the store cannot be reached.
        """
        if name in self._named:
            return self._named[name]
        if name in self._versions:
            return self._versions[name]
        if not (_ALIAS.fullmatch(name) or _VERSION.fullmatch(name)):
            raise UnknownNameError(
                f"There is no vector {name[:200]!r} here, and the server opens no path and no address.",
                seen=f"vectors {', '.join(self.names) or 'none'}",
                fix="Name a registered vector (models:/NAME@ALIAS), or start the server with --vector NAME=FILE.",
            )
        vector = recorder().load_vector(name, tracking_uri=self._tracking_uri)
        if _VERSION.fullmatch(name):
            if len(self._versions) >= KEPT:
                del self._versions[next(iter(self._versions))]
            self._versions[name] = vector
        return vector

    def plan(self, forms: Iterable[SteeringForm]) -> tuple[Plan, list[dict[str, object]]]:
        """What acts, in the order in which it is written; and what an answer says of it.

        Raises
        ------
        SteerstackError
            A vector is not here, was made from other weights, has no such layer, or its edit does not exist.
        """
        plan, told = Plan(), []
        for form in forms:
            vector = self.get(form.vector)
            self._model.check_vector(vector, transfer=form.transfer)
            layers = _layers(form, vector)
            edit = find("edit", form.edit or vector.edit).make()
            part = apply_all(vector, layers, form.scale, tokens=Tokens.parse(form.tokens), edit=edit)
            self._model.check_plan(part)
            plan = plan >> part
            told.append({
                "vector": form.vector, "fingerprint": vector.fingerprint, "layers": list(layers), "scale": form.scale,
                "edit": edit.name, "tokens": form.tokens, "made_on": vector.origin.model_fingerprint,
                "same_weights": _same(vector.origin.model_fingerprint, self._model.fingerprint),
            })  # fmt: skip
        return plan, told


def _layers(form: SteeringForm, vector: SteeringVector) -> tuple[int, ...]:
    if form.layer is not None:
        return (form.layer,)
    if form.layers == "all" or (form.layers is None and len(vector.layers) == 1):
        return vector.layers
    if form.layers is None:
        raise ArgumentError("A vector needs a layer.", seen=f"layers {ranges(vector.layers)}", fix="Add layer.")
    return tuple(int(layer) for layer in form.layers)


def _same(made_on: str, here: str) -> bool | None:
    """Whether a vector was made from the served weights; None where it does not say."""
    return None if made_on == UNKNOWN else made_on == here
