"""Activations of a data set's contrast pairs: what an extractor is given."""

from collections.abc import Callable, Sequence
from typing import Any

from steerstack.contracts import PairStream
from steerstack.data.items import DataSet
from steerstack.data.questions import contrast_pairs
from steerstack.engine.activations import PairActivations
from steerstack.steering.site import Component
from steerstack.trace.model import Model


class DataActivations(PairActivations):
    """The contrast pairs of a data set, read at one component and position rule.

    Parameters
    ----------
    model, data:
        The model, and the items.
    position:
        See :func:`steerstack.data.questions.contrast_pairs`.
    component, layers, progress, options:
        As of :class:`PairActivations`.
    """

    def __init__(
        self,
        model: Model,
        data: DataSet,
        *,
        position: str,
        component: Component = "resid_post",
        layers: Sequence[int] | None = None,
        progress: Callable[[int], None] | None = None,
        **options: Any,
    ) -> None:
        pairs = contrast_pairs(model.format, data, position)
        super().__init__(model, pairs, component=component, layers=layers, progress=progress, **options)
        self._data, self._component, self.position, self._options = data, component, position, options

    @property
    def model(self) -> Model:
        """The model."""
        return self._model

    @property
    def data(self) -> DataSet:
        """The items."""
        return self._data

    def advance(self, pairs: int) -> None:
        """Tell whoever waits that ``pairs`` more are done."""
        if self._progress:
            self._progress(pairs)

    def at(self, *, component: Component | None = None, position: str | None = None) -> PairStream:
        """The same items, read at another component or position."""
        return DataActivations(
            self._model,
            self._data,
            position=position or self.position,
            component=component or self._component,
            layers=self._layers,
            **self._options,
        )
