"""Where in the model: a component and a 0-based layer."""

from dataclasses import dataclass
from typing import Literal, get_args

from steerstack.errors import SiteError, nearest

Component = Literal["resid_pre", "head_out", "attn_out", "mlp_out", "resid_post"]
"""The places inside a block, in the order in which a forward pass reaches them."""

COMPONENTS: tuple[Component, ...] = get_args(Component)

LAST = 9999
"""The last layer that a vector may have; no model has as many."""


@dataclass(frozen=True)
class Site:
    """One place in a transformer.

    ``resid_pre`` of layer L is the input of block L; ``resid_post`` is its output
    (Hugging Face ``hidden_states[L + 1]``, except that the last one there is taken after
    the final norm). ``attn_out`` and ``mlp_out`` are what the two sublayers add to the
    residual stream, before any norm that follows them inside the block. ``head_out`` is the
    heads' outputs side by side, before the output projection: [heads * head_dim].
    """

    component: Component
    layer: int

    def __post_init__(self) -> None:
        if self.component not in COMPONENTS:
            raise SiteError(f"There is no component {self.component!r}.", fix=nearest(self.component, COMPONENTS))
        if self.layer < 0:
            raise SiteError(f"Layer {self.layer} is negative.", fix="Layers count from 0, the first block.")

    @property
    def order(self) -> tuple[int, int]:
        """Sorts sites in the order in which a forward pass reaches them."""
        return self.layer, COMPONENTS.index(self.component)

    def __str__(self) -> str:
        return f"{self.component}.{self.layer}"

    @classmethod
    def parse(cls, text: str) -> "Site":
        """Read ``"resid_post.12"`` back into a site."""
        component, _, layer = text.rpartition(".")
        if not (layer.isascii() and layer.isdigit()):
            raise SiteError(f"{text!r} is not a site.", fix="Write COMPONENT.LAYER, such as resid_post.12.")
        return cls(component, int(layer))  # type: ignore[arg-type]  # checked in __post_init__
