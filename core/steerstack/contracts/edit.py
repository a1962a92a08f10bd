"""Edits: from a vector at one layer to a plan."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from steerstack.steering.intervention import Plan
    from steerstack.steering.tokens import Tokens
    from steerstack.steering.vector import SteeringVector


class Edit(Method):
    """A way in which a vector acts on activations.

    The algebra is in the :class:`~steerstack.steering.intervention.Intervention` that the plan holds; the edit says how
    one is made from a vector. Scale 0 is always the identity: an empty plan.

    Attributes
    ----------
    scales:
        Strengths worth trying, where they are not shares of the residual stream's norm.
    """

    scales: ClassVar[tuple[float, ...] | None] = None

    @abstractmethod
    def plan(self, vector: SteeringVector, layer: int, scale: float, tokens: Tokens) -> Plan:
        """The plan that applies a vector of one layer.

        Parameters
        ----------
        vector, layer:
            The vector, and which of its layers.
        scale:
            Strength; not 0.
        tokens:
            Which positions are edited.
        """
