"""Open a model by vLLM: what plain passes of its weights say, vLLM itself, and the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steerstack.engine.layout.reach import reach
from steerstack.trace.open import open_model
from steerstack_plugins.backends.vllm_model.model import VllmModel
from steerstack_plugins.backends.vllm_model.proof import Expected, prove
from steerstack_plugins.backends.vllm_model.start import start
from steerstack_plugins.backends.vllm_model.window_proof import BeyondWindow

if TYPE_CHECKING:
    from steerstack_plugins.backends.vllm import Vllm

GIB = 1 << 30


def open_vllm(how: Vllm, source: str) -> VllmModel:
    """The model, proven; raises ModelError or PluginError.

    Where the config names a window or chunk of attention, or a length beyond which positions are scaled anew, the model
    is opened for texts within it: the texts of the proof are short, and would not feel it. Windows of a thousand tokens
    at most are proven by a longer text, and felt where that agrees.
    """
    known = open_model(source, revision=how.revision, dtype=how.dtype, device=how.device)
    _ = known.fingerprint  # while the weights are here
    expected, beyond = Expected.of(known), BeyondWindow.of(known)
    known.module.to("meta")  # transformers' copy of them is let go of before vLLM loads its own
    options: dict[str, Any] = {"dtype": how.dtype, "revision": how.revision}
    options["kv_cache_memory_bytes"] = int(how.cache_gib * GIB)
    bound = None if beyond else reach(known)
    lengths = [length for length in (how.length, bound) if length is not None]
    if lengths:
        options["max_model_len"] = min(lengths)
    if how.batch_tokens is not None:
        options |= {"max_num_batched_tokens": how.batch_tokens, "enable_chunked_prefill": True}
    if how.tensor_parallel > 1:
        options |= {"tensor_parallel_size": how.tensor_parallel, "distributed_executor_backend": "mp"}
    opened = VllmModel(start(source, **options), known)
    if how.tensor_parallel > 1:
        opened.absent["head_out"] = "each process has a part of the heads"
    try:
        prove(opened, expected)
        if beyond and opened.longest > len(beyond.text):
            opened.bound(beyond.window, beyond.off(opened), expected.rounding)
    except BaseException:
        opened.close()
        raise
    return opened
