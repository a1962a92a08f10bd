"""How a vector shows itself."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from steerstack.util import show

if TYPE_CHECKING:
    from steerstack.steering.vector import SteeringVector


def one_line(vector: SteeringVector) -> str:
    """Behaviour, method, layers and model on one line."""
    origin = vector.origin
    acts = "" if vector.edit == "add" else f", acts by {vector.edit}"
    return show.line(
        f"<SteeringVector: {show.clip(origin.behavior, 40)} by {show.clip(origin.method, 30)}, {component(vector)} "
        f"{'layer' if len(vector.layers) == 1 else 'layers'} {show.clip(show.ranges(vector.layers), 40)}, "
        f"width {vector.d_model}, from {show.clip(origin.model_name, 40)}{acts}>"
    )


def component(vector: SteeringVector) -> str:
    """The component that was read, and what it is in that model where the name alone does not say it."""
    reads = vector.origin.reads
    return f"{vector.component} ({show.clip(reads, 40)})" if reads else vector.component


def html(vector: SteeringVector) -> str:
    """Norms by layer as a small plot, and the origin."""
    origin = vector.origin
    about = {
        "behaviour": origin.behavior,
        "method": origin.method,
        "parameters": ", ".join(f"{name}={show.clip(str(value), 60)}" for name, value in origin.parameters.items()),
        "model": f"{origin.model_name} ({origin.model_fingerprint[:12]})",
        "training pairs": f"{origin.n_pairs} (digest {origin.data_digest[:12]})" if origin.n_pairs else "",
        "read at": f"{component(vector)}, {origin.position}",
        "acts by": vector.edit,
        "layers and width": f"{show.ranges(vector.layers)}; {vector.d_model}",
        "fingerprint": vector.fingerprint[:12],
    }
    low, high = min(vector.norms.values()), max(vector.norms.values())
    caption = f"Norm by layer, {low:.3g} to {high:.3g} in units of the activations."
    fails = "What it does and where it fails is not in the vector: a study measures it, and its card tells."
    parts = show.facts("Steering vector", about), show.bars(vector.norms, "units of the activations")
    return f"{parts[0]}<div>{parts[1]}<br><small>{escape(caption)} {escape(fails)}</small></div>"
