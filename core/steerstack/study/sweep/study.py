"""The declaration of a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from steerstack.steering.origin import TRANSFER
from steerstack.study.method_ref import MethodRef, Reference, VectorReference
from steerstack.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.contracts import Edit
    from steerstack.data.items import DataSet
    from steerstack.steering.vector import SteeringVector
    from steerstack.study.forecast import Forecast
    from steerstack.study.session import Session
    from steerstack.study.sweep.result import SweepResult
    from steerstack.trace.model import Model


class Sweep(Study):
    """Try a vector at every layer and strength given, on the same items, beside nulls.

    Where no vector is given it is found on the training items of the data, and swept over the others.
    """

    name = "sweep"

    layers: tuple[int, ...] = Field(description="Layers, such as 5,9,13; each is tried with every multiplier.")
    scales: tuple[float, ...] = Field(default=(-2.0, -1.0, 0.0, 1.0, 2.0), min_length=1, description="Multipliers.")
    vector: VectorReference = Field(
        default=None, description="Vector file or address; found by the method where none is given."
    )
    method: Reference = Field(default=MethodRef(name="mean-difference"), description="Extractor that finds the vector.")
    position: str | None = Field(default=None, description="Where the vector is read; the method's own by default.")
    edit: Reference | None = Field(
        default=None, description="How the vector acts: add, ablate, ...; as its method asks by default."
    )
    transfer: bool = Field(default=False, description=TRANSFER)
    nulls: int = Field(
        default=1,
        ge=0,
        le=10_000,
        description="Random and shuffled-label vectors at every layer, each; a claim needs 39.",
    )
    neighbors: int = Field(
        default=1, ge=0, le=1000, description="Vectors of other behaviours to compare with, at most."
    )

    @property
    def places(self) -> list[tuple[int, float]]:
        """(layer, scale) of each arm, in order."""
        return [(layer, scale) for layer in self.layers for scale in self.scales]

    @property
    def strongest(self) -> float:
        """The scale of the largest size, the positive one of two."""
        return max(self.scales, key=lambda scale: (abs(scale), scale))

    @property
    def heard(self) -> list[tuple[int, float]]:
        """(layer, scale) of the sample answers, by rule and not by result: the middle layer, the outermost scales."""
        layer, scales = self.layers[len(self.layers) // 2], [scale for scale in self.scales if scale]
        return [(layer, scale) for scale in dict.fromkeys((max(scales), min(scales)))] if scales else []

    @property
    def edit_method(self) -> Edit | None:
        """The edit itself; None for the way the vector's method asks for."""
        return self.edit.make("edit") if self.edit else None

    def perform(self, session: Session) -> SweepResult:
        """Measure every arm and every null."""
        from steerstack.study.sweep.run import run_sweep

        return run_sweep(self, session)

    def forecast(self, session: Session) -> Forecast:
        """What it will take, from a short pilot."""
        from steerstack.study.sweep.run import forecast_sweep

        return forecast_sweep(self, session)


def sweep(
    model: Model,
    data: DataSet,
    vector: SteeringVector,
    layers: Sequence[int],
    scales: Sequence[float] = (-2.0, -1.0, 0.0, 1.0, 2.0),
    **settings: Any,
) -> SweepResult:
    """Try a vector at every layer and strength given, over all items of a data set, beside nulls.

    A shorthand for ``Sweep(...).run(model, data=data)``: it has the same ledger, so the same call goes on where it
    was stopped.

    Parameters
    ----------
    model, data, vector:
        The model, items that the vector was not found on, and the vector.
    layers, scales:
        Each layer is tried with every multiplier.
    settings:
        Further fields of :class:`~steerstack.Sweep`: ``nulls``, ``score``, ``edit``, ...

    Raises
    ------
    StudyError
        There is no such setting, or it does not fit.
    ModelError
        The vector does not fit the model, or is from other weights (``transfer=True`` allows that).
    """
    fields = {"data": data.source, "behavior": data.behavior, "model": model.name, "vector": vector, **settings}
    study = Sweep.make({**fields, "layers": tuple(layers), "scales": tuple(scales)}, "the sweep")
    return study.run(model, data=data)  # type: ignore[return-value]
