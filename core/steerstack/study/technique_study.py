"""What studies share that choose layer and strength, and what studies of several techniques share."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING

from pydantic import Field

from steerstack.study.method_ref import Reference
from steerstack.study.study import Study

if TYPE_CHECKING:
    from steerstack.techniques.technique import Technique


class ChoiceStudy(Study, ABC):
    """A study that chooses layer and strength of its vectors on validation items."""

    position: str | None = Field(default=None, description="Where vectors are read; each method's own by default.")
    layers: tuple[int, ...] | None = Field(
        default=None, description="Candidate layers; six over the middle by default."
    )
    shares: tuple[float, ...] = Field(
        default=(0.1, 0.2, 0.4), description="Candidate strengths: added norm as a share of the residual stream's."
    )


class TechniqueStudy(ChoiceStudy, ABC):
    """A study of several techniques, each with the same choices."""

    techniques: tuple[Reference, ...] = Field(
        min_length=1, description="Extractors and baselines: mean-difference,logistic,lora-sft."
    )
    matched_kl: float | None = Field(
        default=None, gt=0, description="Hold every vector at this KL per token, in place of shares."
    )
    nulls: int = Field(
        default=1,
        ge=0,
        le=10_000,
        description="Random and shuffled-label vectors, each, through the same pipeline; a claim at the 5 % level "
        "needs 39.",
    )

    @property
    def held_at(self) -> float | None:
        """The KL per token at which the candidates of vectors are held, if any: one strength a layer then."""
        return self.matched_kl

    def treated(self, behavior: str) -> list[Technique]:
        """The techniques, each with its parameters; and the null ones, which know nothing of the behaviour."""
        from steerstack.contracts import Baseline
        from steerstack.techniques.null_techniques import null_techniques
        from steerstack.techniques.technique import technique_of

        options = {
            "position": self.position,
            "tokens": self.tokens,
            "layers": self.layers,
            "shares": self.shares,
            "kl": self.matched_kl,
        }
        beside = {**options, "kl": self.held_at}
        techniques = [one.make("technique") for one in self.techniques]
        real = [technique_of(one, **(beside if isinstance(one, Baseline) else options)) for one in techniques]
        return [*real, *(null_techniques(behavior, self.nulls, **options) if self.nulls else ())]

    def steered(self, behavior: str) -> list[str]:
        """Names of those techniques that are vectors, nulls aside."""
        from steerstack.techniques.null_techniques import is_reference
        from steerstack.techniques.technique import Steering

        return [one.name for one in self.treated(behavior) if isinstance(one, Steering) and not is_reference(one.name)]
