"""The edits of the core, as a vector uses them: add, ablate, project, clamp."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from steerstack.contracts import Edit
from steerstack.errors import ParameterError
from steerstack.steering.intervention import Plan

if TYPE_CHECKING:
    from steerstack.steering.tokens import Tokens
    from steerstack.steering.vector import SteeringVector


@final
class AddEdit(Edit):
    """Add ``scale`` times the direction: ``h + scale * v`` (CAA, arXiv 2312.06681, eq. 2)."""

    name = "add"
    paper = "arXiv 2312.06681"

    relative: bool = Field(False, description="The scale is a share of the norm of each edited activation.")

    def plan(self, vector: SteeringVector, layer: int, scale: float, tokens: Tokens) -> Plan:
        """One addition."""
        from steerstack.steering.edits import Add

        return Plan((Add(vector.site(layer), vector[layer], scale, self.relative, selection=tokens),))


@final
class AblateEdit(Edit):
    """Remove the component along the direction: ``h - scale * v v^T h / |v|^2`` (Arditi et al., arXiv 2406.11717)."""

    name = "ablate"
    paper = "arXiv 2406.11717"
    scales: ClassVar[tuple[float, ...] | None] = (0.5, 1.0)

    def plan(self, vector: SteeringVector, layer: int, scale: float, tokens: Tokens) -> Plan:
        """One directional ablation of strength ``scale``."""
        from steerstack.steering.edits import Ablate

        return Plan((Ablate(vector.site(layer), vector[layer], strength=scale, selection=tokens),))


def _whole(edit: type[Edit], scale: float) -> None:
    if scale != 1:
        raise ParameterError(f"The edit {edit.name!r} has no strength {scale:g}.", fix="Use scale 1.")


@final
class ProjectEdit(Edit):
    """Keep only the component along the direction (a control that destroys the rest); ``scale`` must be 1."""

    name = "project"
    scales: ClassVar[tuple[float, ...] | None] = (1.0,)

    def plan(self, vector: SteeringVector, layer: int, scale: float, tokens: Tokens) -> Plan:
        """One projection."""
        from steerstack.steering.edits import Project

        _whole(ProjectEdit, scale)
        return Plan((Project(vector.site(layer), vector[layer], selection=tokens),))


@final
class ClampEdit(Edit):
    """Keep the coordinate along the unit direction between two bounds; ``scale`` must be 1.

    Equal bounds set it (the ``clamp`` of lm-evaluation-harness).
    """

    name = "clamp"
    scales: ClassVar[tuple[float, ...] | None] = (1.0,)

    low: float = Field(description="Lower bound, in units of the residual stream.")
    high: float = Field(description="Upper bound.")

    def plan(self, vector: SteeringVector, layer: int, scale: float, tokens: Tokens) -> Plan:
        """One clamp."""
        from steerstack.steering.edits import Clamp

        _whole(ClampEdit, scale)
        return Plan((Clamp(vector.site(layer), vector[layer], self.low, self.high, selection=tokens),))
