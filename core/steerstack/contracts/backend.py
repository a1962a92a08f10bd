"""Backends: other ways to open and run a model, for cross-checks and analyses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.steering.intervention import Plan
    from steerstack.steering.tokens import TokenSequence


class Opened(ABC):
    """A model opened by a backend."""

    @abstractmethod
    def logits(self, sequence: TokenSequence, plan: Plan) -> Float[Tensor, "token vocab"]:
        """Logits of one unpadded sequence under a plan."""

    @abstractmethod
    def portable(self, plan: Plan) -> Sequence[str]:
        """What of a plan does not mean the same on this backend, a sentence each; empty where all is portable."""


class Backend(Method):
    """Opens models in its own way.

    It loads a model of its own, which it may rewrite; revision, dtype and device are parameters.

    Attributes
    ----------
    bases:
        Bases of the activations in which it can open a model, where there is a choice: values of its
        parameter ``basis``. ``raw`` is that of the Hugging Face model; in any other the logits may be
        shifted by a constant at each position.
    """

    bases: ClassVar[tuple[str, ...]] = ("raw",)

    @abstractmethod
    def open(self, source: str) -> Opened:
        """Open a model by folder or Hugging Face id; raises ModelError."""
