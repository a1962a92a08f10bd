"""Origin: where a vector comes from, also one that was computed from others."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

from steerstack.errors import ModelError

_LOG = logging.getLogger("steerstack")

UNKNOWN = "unknown"
"""What an origin says of what it does not know."""

TRANSFER = (
    "Allow a vector that was made from other weights. One that does not say which, such as another tool's, needs no "
    "leave, but is remarked on."
)
"""What ``transfer`` means, wherever it can be said."""


@dataclass(frozen=True)
class Origin:
    """Where a vector comes from: all that is needed to make it again, or to distrust it.

    Attributes
    ----------
    method, parameters:
        The extractor's name and its parameters; ``scaled`` or ``sum`` for what was computed from other vectors,
        whose own origins are then under ``of``.
    position:
        Which tokens were averaged.
    model_name, model_fingerprint:
        The model whose activations were read.
    data_digest, n_pairs, behavior:
        The training pairs.
    basis:
        ``hf-raw``: the basis of the unmodified Hugging Face model.
    found:
        What the method found on the way, as JSON (validation accuracies, losses, heads chosen).
    reads:
        What the component is in this model, where its name alone does not say it; empty elsewhere.
    """

    method: str = UNKNOWN
    parameters: Mapping[str, Any] = field(default_factory=dict)
    position: str = UNKNOWN
    model_name: str = UNKNOWN
    model_fingerprint: str = UNKNOWN
    data_digest: str = UNKNOWN
    n_pairs: int = 0
    behavior: str = UNKNOWN
    basis: str = "hf-raw"
    found: Mapping[str, Any] = field(default_factory=dict)
    reads: str = ""

    def __repr__(self) -> str:
        pairs = f" from {self.n_pairs} pairs" if self.n_pairs else ""
        return f"<Origin: {self.method!s:.40} of {self.behavior!s:.60} on {self.model_name!s:.60}{pairs}>"

    def check_weights(self, name: str, fingerprint: str, *, transfer: bool) -> None:
        """Refuse a vector that was made from other weights, and remark on one that does not say from which.

        Parameters
        ----------
        name, fingerprint:
            Of the model on which it is to be used.
        transfer:
            Whether other weights are wanted: then nothing is refused or remarked on. A remark goes to the logger
            ``steerstack``, once for each vector and model.

        Raises
        ------
        ModelError
            The vector was made from other weights.
        """
        made_on = self.model_fingerprint
        if transfer or made_on == fingerprint:
            return
        if made_on == UNKNOWN:
            _remark(
                f"The vector ({self.method} of {self.behavior}) does not say from which weights it was made, so it is "
                f"not checked that they are those of {name}. --transfer (transfer=True) says that you know."
            )
            return
        raise ModelError(
            "The vector was made from other weights than this model's.",
            seen=f"{self.model_name} ({made_on[:12]}), here {name} ({fingerprint[:12]})",
            fix="Use the same model and dtype, or allow it on purpose with --transfer (transfer=True).",
        )


@cache
def _remark(text: str) -> None:
    _LOG.warning(text)


def scaled(origin: Origin, factor: float) -> Origin:
    """The origin of a vector that was multiplied; factors of a vector that was multiplied before are multiplied."""
    if origin.method == "scaled":
        factor, of = factor * origin.parameters["factor"], origin.parameters["of"]
    else:
        of = asdict(origin)
    return replace(origin, method="scaled", parameters={"factor": factor, "of": of}, found={})


def summed(first: Origin, second: Origin) -> Origin:
    """The origin of a sum; where the two differ, in the model for instance, both are named.

    So a sum of vectors of two models belongs to neither, and is refused as one of other weights is.
    """

    def both(name: str) -> str:
        texts = [str(getattr(origin, name)) for origin in (first, second)]
        return texts[0] if texts[0] == texts[1] else " + ".join(texts)

    same_pairs = first.data_digest == second.data_digest != UNKNOWN
    return Origin(
        method="sum",
        parameters={"of": [asdict(first), asdict(second)]},
        position=both("position"),
        model_name=both("model_name"),
        model_fingerprint=both("model_fingerprint"),
        data_digest=both("data_digest"),
        n_pairs=first.n_pairs if same_pairs else first.n_pairs + second.n_pairs,
        behavior=both("behavior"),
        basis=both("basis"),
        reads=both("reads"),
    )
