"""Extractors: from contrast pairs to one direction per layer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts.pairs import PairStream
    from steerstack.steering.site import Component


@dataclass(frozen=True)
class Fitted:
    """What an extractor found, where there is more to say than one direction per layer.

    Attributes
    ----------
    directions:
        0-based layer to a direction [d_model], un-normalised. Layers may be left out.
    edit:
        Name of the edit by which the vector acts: ``add`` unless the method is about another.
    parts:
        Further tensors that the edit needs, by name and layer (a mean activation, say).
    component:
        Where the vector acts, if not where the activations were read.
    record:
        What was found on the way, as JSON (validation accuracies, losses, heads chosen).
    """

    directions: Mapping[int, Float[Tensor, " d_model"]]
    edit: str = "add"
    parts: Mapping[str, Mapping[int, Tensor]] = field(default_factory=dict)
    component: Component | None = None
    record: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Mapping[int, Float[Tensor, " d_model"]] | Fitted) -> Fitted:
        """What an extractor gave, where it gave no more than directions too."""
        return found if isinstance(found, Fitted) else cls(found)


class Extractor(Method):
    """Makes one direction per layer from contrast pairs.

    Sign convention: adding the direction makes the positive side more likely.

    Attributes
    ----------
    position, component:
        Where the method reads unless the user says otherwise: see
        :func:`steerstack.data.questions.contrast_pairs` and :class:`steerstack.Site`.
    at_once:
        Whether the vector acts at all its layers at once (ITI), rather than at one that is chosen.
    scales:
        Strengths worth trying, where they are not shares of the residual stream's norm.
    differentiates:
        Whether fitting takes gradients through the model; then it runs on the server that holds
        the weights, where one does, in one call, and must be in a module that can be imported.
    """

    position: ClassVar[str] = "answer"
    component: ClassVar[Component] = "resid_post"
    at_once: ClassVar[bool] = False
    scales: ClassVar[tuple[float, ...] | None] = None
    differentiates: ClassVar[bool] = False

    @abstractmethod
    def fit(self, pairs: PairStream) -> Mapping[int, Float[Tensor, " d_model"]] | Fitted:
        """The direction at each layer, un-normalised; :class:`Fitted` where there is more to say.

        Raises
        ------
        ExtractionError
            The method cannot work with these pairs.
        DegenerateDirectionError
            The two sides are the same.
        """
