"""The backends that come with steerstack."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import Backend
from steerstack_plugins.backends.transformer_lens import TransformerLens
from steerstack_plugins.backends.vllm import Vllm


@hookimpl
def steerstack_backends() -> Sequence[type[Backend]]:
    """Each of them."""
    return [TransformerLens, Vllm]
