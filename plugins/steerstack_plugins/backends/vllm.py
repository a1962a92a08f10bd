"""vLLM as a second engine, at serving speed: a plan for each request, many requests together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from steerstack.contracts import Backend

if TYPE_CHECKING:
    from steerstack_plugins.backends.vllm_model.model import VllmModel


@final
class Vllm(Backend):
    """vLLM's own model (Kwon et al.), with hooks on its decoder blocks that carry out a plan for each request.

    On opening it is held against plain passes of the same weights by transformers, unsteered and with every
    component edited, and refused where it is off by more than rounding. Each request's edited rows are
    counted: a number other than the plan's is an error.
    """

    name = "vllm"
    paper = "arXiv 2309.06180"
    needs = ("vllm, in an environment of its own (the extra vllm)",)

    dtype: Literal["float32", "bfloat16", "float16"] = Field("float32", description="Dtype of the weights.")
    device: Literal["cpu", "cuda"] = Field("cpu", description="Where plain passes run; vLLM knows its own device.")
    revision: str | None = Field(None, description="Revision on the hub.")
    cache_gib: float = Field(1.0, gt=0, description="Memory for keys and values, in GiB.")
    length: int | None = Field(None, ge=1, description="Longest text, in tokens; all positions that it has by default.")
    tensor_parallel: int = Field(1, ge=1, description="Processes, or GPUs, over which each block is divided.")
    batch_tokens: int | None = Field(None, ge=1, description="Tokens of a pass at most; vLLM's own choice by default.")

    def open(self, source: str) -> VllmModel:
        """Open a model by folder or Hugging Face id, or the embedded one by its alias, and prove it."""
        from steerstack_plugins.backends.vllm_model.open import open_vllm

        return open_vllm(self, source)
