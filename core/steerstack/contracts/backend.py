"""Backends: other ways to open and run a model, for cross-checks and analyses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.engine.answers import Group
    from steerstack.engine.decode.generate import Continuations
    from steerstack.engine.decode.sampling import Sampling
    from steerstack.engine.score import Scores
    from steerstack.steering.intervention import Plan
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model


class Opened(ABC):
    """A model opened by a backend."""

    @abstractmethod
    def logits(self, sequence: TokenSequence, plan: Plan) -> Float[Tensor, "token vocab"]:
        """Logits of one unpadded sequence under a plan."""

    @abstractmethod
    def portable(self, plan: Plan) -> Sequence[str]:
        """What of a plan does not mean the same on this backend, a sentence each; empty where all is portable."""


@runtime_checkable
class GeneratingModel(Protocol):
    """A model opened by a backend that generates and scores, such as vLLM's."""

    @property
    def engine(self) -> str:
        """Who computes, with its version, as records have it."""

    @property
    def known(self) -> Model:
        """The same model as transformers opens it; its weights may be gone."""

    def check_plan(self, plan: Plan) -> None:
        """Refuse a plan that it cannot carry out; raises SiteError or ModelError."""

    def logits(self, sequence: TokenSequence, plan: Plan) -> Float[Tensor, "token vocab"]:
        """Logits of one unpadded sequence under a plan."""

    def generate(
        self, prompts: Sequence[TokenSequence], arms: Sequence[Plan], sampling: Sampling
    ) -> list[Continuations]:
        """Continue every prompt under every arm; as :func:`steerstack.engine.decode.generate.generate`."""

    def score(self, groups: Sequence[Group], arms: Sequence[Plan], *, names: Sequence[str] = ()) -> list[Scores]:
        """Log-probabilities of every answer under every arm; as :func:`steerstack.engine.score.score`."""


@runtime_checkable
class BatchingModel(GeneratingModel, Protocol):
    """One that runs many requests together, each under a plan of its own."""

    def generate_each(
        self, prompts: Sequence[TokenSequence], plans: Sequence[Plan], samplings: Sequence[Sampling]
    ) -> list[tuple[int, ...]]:
        """New tokens after each prompt, under its own plan and as if it stood alone."""


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
