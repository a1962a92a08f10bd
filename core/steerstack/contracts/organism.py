"""Organisms: models made to sandbag on purpose, with a known answer."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steerstack.trace.model import Model


@dataclass(frozen=True)
class Built:
    """An organism, and the answer that an audit must not see.

    Attributes
    ----------
    model:
        The organism.
    sandbags:
        Whether it hides ability.
    record:
        How it was made, its password if it has one, and its induction drop.
    """

    model: Model
    sandbags: bool
    record: Mapping[str, Any]


class Organism(Method):
    """Makes a model that hides ability, or an honest control of one."""

    @abstractmethod
    def build(self, model: Model, *, seed: int) -> Built:
        """Make the organism from a copy of a model; the given one stays as it is."""
