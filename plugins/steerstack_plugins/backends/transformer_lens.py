"""TransformerLens as a second engine, to hold the first one against."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, final

from pydantic import Field

from steerstack.contracts import Backend, Opened

if TYPE_CHECKING:
    pass


@final
class TransformerLens(Backend):
    """A TransformerBridge of TransformerLens 4 around a model of transformers of its own.

    The bridge rewrites the modules that it wraps, and, in the folded basis, their weights, so the model is
    loaded anew and shared with nobody. Token ids are handed over as they are: TransformerLens's own
    tokenization would put a beginning-of-sequence token before them.
    """

    name = "transformer-lens"
    needs = ("transformer-lens (the extra tl)",)
    bases: ClassVar[tuple[str, ...]] = ("raw", "folded")

    basis: Literal["raw", "folded"] = Field(
        "raw", description="raw: that of the Hugging Face model; folded: norms folded, writing weights centred."
    )
    dtype: str = Field("float32", description="Dtype of the weights.")
    device: str = Field("cpu", description="Where they are.")
    revision: str | None = Field(None, description="Revision on the hub.")

    def open(self, source: str) -> Opened:
        """Open a model by folder or Hugging Face id, or the embedded one by its alias."""
        from steerstack_plugins.backends.bridge import open_bridge

        return open_bridge(
            source, folded=self.basis == "folded", dtype=self.dtype, device=self.device, revision=self.revision
        )
