"""The declaration of a study of read-out against steering."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from steerstack.study.method_ref import MethodRef, Reference
from steerstack.study.study import Study

if TYPE_CHECKING:
    from steerstack.study.forecast import Forecast
    from steerstack.study.read_out.result import ReadOutResult
    from steerstack.study.session import Session


class ReadOut(Study):
    """Does the direction along which a behaviour can be read off also steer it?

    At each layer: how well the direction tells the two answers apart; what adding it does to each item, and whether
    that goes with where the item lies along it; and what erasing it does, beside random directions that are erased.
    A behaviour can be read where nothing can be steered (arXiv 2605.05715).
    """

    name = "read-out"
    paper: ClassVar[str] = "arXiv 2605.05715"

    method: Reference = Field(
        default=MethodRef(name="mean-difference"), description="Extractor that finds the direction of each layer."
    )
    position: str | None = Field(default=None, description="Where it is read; the method's own by default.")
    layers: tuple[int, ...] | None = Field(default=None, description="Layers; six over the middle by default.")
    share: float = Field(
        default=0.2, gt=0, description="Strength of the addition: its norm as a share of the residual stream's."
    )
    erasures: int = Field(
        default=39,
        ge=1,
        le=10_000,
        description="Random directions that are erased at each layer; a claim at the 5 % level needs 39.",
    )
    margin: float = Field(
        default=0.1, gt=0, description="Effect (nats) below which adding the direction counts as without effect."
    )

    def perform(self, session: Session) -> ReadOutResult:
        """Read and steer at every layer."""
        from steerstack.study.read_out.run import run_read_out

        return run_read_out(self, session)

    def forecast(self, session: Session) -> Forecast:
        """What it will take: as its arms, once a vector is there."""
        from steerstack.study.forecast import forecast_requests
        from steerstack.study.read_out.run import layers_of, requests

        return forecast_requests(session, requests(self, session, layers_of(self, session), None))
