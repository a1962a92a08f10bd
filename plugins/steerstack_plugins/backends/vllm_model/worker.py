"""What vLLM's worker learns: to hold plans, to apply them, and to say what it did. vLLM mixes it into its own class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from steerstack.errors import ModelError
from steerstack_plugins.backends.vllm_model.hooks import set_hooks
from steerstack_plugins.backends.vllm_model.request import PlacedEdit
from steerstack_plugins.backends.vllm_model.steering import Held, RowEdits, Segment

KEY = "steerstack"
"""Name of the argument by which a request of vLLM says which of ours it is."""


class _OwnNames(type):
    """vLLM refuses a class with a name that its worker has, as all objects have ``save`` beside nnsight."""

    def __dir__(cls) -> list[str]:
        return list(vars(cls))


class SteeredWorker(metaclass=_OwnNames):
    """The methods that are called on every worker; their names are unlike vLLM's own."""

    model_runner: Any  # vLLM's

    def steerstack_begin(self, n_layers: int, model_type: str) -> None:
        """Set the hooks; raises ModelError where they cannot be set."""
        runner = self.model_runner
        for needed in ("input_batch", "query_start_loc", "requests"):
            if not hasattr(runner, needed):
                raise ModelError(
                    f"vLLM's {type(runner).__name__} does not tell which rows belong to which request.",
                    seen=f"no {needed}",
                    fix="Use a version of vLLM that the documentation names.",
                )
        steering = self._steerstack = RowEdits()
        set_hooks(runner.model, steering, n_layers, model_type)

        def before(_module: Any, _args: Any, kwargs: Mapping[str, Any]) -> None:
            steering.begin(*_segments(runner, kwargs["positions"], steering))

        def after(_module: Any, _args: Any, output: Any) -> None:
            steering.keep(output)

        runner.model.register_forward_pre_hook(before, with_kwargs=True)
        runner.model.register_forward_hook(after)

    def steerstack_hold(self, requests: Mapping[str, Sequence[PlacedEdit]], keep: bool) -> None:
        """Hold requests until they are dropped; ``keep`` what leaves the last norm, too."""
        for key, edits in requests.items():
            self._steerstack.held[key] = Held(edits, keep)

    def steerstack_drop(self, keys: Sequence[str]) -> dict[str, list[int]]:
        """Let go of requests; for each, the rows at which each of its edits has acted."""
        requests = {key: self._steerstack.held.pop(key, None) for key in keys}
        return {key: [len(of) for of in one.touched] for key, one in requests.items() if one is not None}

    def steerstack_logits(self, key: str) -> Float[Tensor, "token vocab"] | None:
        """Logits at every token of a request that was kept, in float32; of several workers one has them."""
        import torch

        hidden = torch.cat(self._steerstack.held[key].kept)
        logits = self.model_runner.model.compute_logits(hidden)
        return None if logits is None else logits.float().cpu()


def _segments(runner: Any, positions: Tensor, steering: RowEdits) -> tuple[list[Segment], Tensor]:
    """The rows of each request that is held, and the position of every row; none in a pass that vLLM runs for itself.

    Raises
    ------
    RuntimeError
        A request says that it is ours and is not held: it would run unsteered.
    """
    from vllm.forward_context import get_forward_context

    places = positions[0] if positions.ndim > 1 else positions  # some models tell positions in three dimensions
    if get_forward_context().attn_metadata is None:
        return [], places
    starts, segments = runner.query_start_loc.np, []
    for index in range(runner.input_batch.num_reqs):
        sampling = runner.requests[runner.input_batch.req_ids[index]].sampling_params
        key = ((sampling and sampling.extra_args) or {}).get(KEY)
        if key is None:
            continue
        if key not in steering.held:
            raise RuntimeError(f"request {key} is to be steered, and its plan is not known")
        segments.append(Segment(key, int(starts[index]), int(starts[index + 1])))
    return segments, places
