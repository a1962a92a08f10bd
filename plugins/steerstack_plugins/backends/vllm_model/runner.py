"""Runs requests by vLLM, all together, and holds the rows that were edited against those that had to be."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from steerstack.errors import DataError, ModelError, first_line
from steerstack_plugins.backends.vllm_model.request import SteeredRequest
from steerstack_plugins.backends.vllm_model.worker import KEY

USUAL: Mapping[str, Any] = {"max_tokens": 1, "temperature": 0.0, "ignore_eos": True, "detokenize": False}
"""Sampling of vLLM where nothing else is said; vLLM always generates a token."""


@dataclass(frozen=True)
class Ran:
    """What came of a request.

    Attributes
    ----------
    output:
        vLLM's own account.
    logits:
        At every token of the text, in float32, where they were wanted.
    """

    output: Any
    logits: Float[Tensor, "token vocab"] | None = None


class RequestRunner:
    """One ``vllm.LLM`` whose worker takes plans.

    Parameters
    ----------
    llm:
        What :func:`~steerstack_plugins.backends.vllm_model.start.start` gives.
    name:
        The model's, for errors.
    n_layers, model_type:
        Its blocks, and its type as the Hugging Face config has it.

    Attributes
    ----------
    llm:
        As given.
    longest:
        Tokens of the longest text with what is generated after it.
    bounded_by:
        What bounds it, where that is not how the model was opened.
    """

    def __init__(self, llm: Any, name: str, n_layers: int, model_type: str) -> None:
        self.llm, self._name = llm, name
        self._keys = itertools.count()
        self._lock = threading.Lock()
        self._failed: str | None = None
        self.longest: int = llm.llm_engine.vllm_config.model_config.max_model_len
        self.bounded_by = ""
        llm.collective_rpc("steerstack_begin", args=(n_layers, model_type))

    @property
    def version(self) -> str:
        """That of vLLM."""
        import vllm

        return str(vllm.__version__)

    def run(
        self, requests: Sequence[SteeredRequest], settings: Sequence[Mapping[str, Any]], *, logits: bool = False
    ) -> list[Ran]:
        """Run requests together.

        Parameters
        ----------
        requests, settings:
            The requests, and what of vLLM's sampling is not :data:`USUAL` for each.
        logits:
            Whether those at every token are wanted.

        Raises
        ------
        DataError
            A text and what is to be generated after it are longer than vLLM was opened for.
        ModelError
            A request's edited rows are not those of its plan; or it was closed, or stopped in an earlier run.
        """
        from vllm import SamplingParams

        for one, own in zip(requests, settings, strict=True):
            self._check_length(one, own.get("max_tokens", 1))
        keys = [str(next(self._keys)) for _ in requests]
        prompts = [
            {"prompt_token_ids": list(one.sequence.ids)} | ({"cache_salt": one.salt} if one.salt else {})
            for one in requests
        ]
        sampling = [
            SamplingParams(**{**USUAL, **own}, extra_args={KEY: key}) for key, own in zip(keys, settings, strict=True)
        ]
        with self._lock:
            if self._failed:
                raise ModelError(
                    f"vLLM does not run {self._name} any more.", seen=self._failed, fix="Open it by vLLM again."
                )
            try:
                edits = {key: one.edits for key, one in zip(keys, requests, strict=True)}
                self.llm.collective_rpc("steerstack_hold", args=(edits, logits))
                outputs = self.llm.generate(prompts, sampling, use_tqdm=False)
                logits_of = [self._logits(key) if logits else None for key in keys]
                workers = self.llm.collective_rpc("steerstack_drop", args=(keys,))
            except BaseException as error:  # what it was at is still in its queue
                self._failed = f"{type(error).__name__}: {first_line(error)}"
                raise
        for counts in workers:
            for key, one, output in zip(keys, requests, outputs, strict=True):
                _check(one, counts[key], output)
        return [Ran(*pair) for pair in zip(outputs, logits_of, strict=True)]

    def close(self) -> None:
        """End vLLM in this process; nothing can be run any more."""
        with self._lock:
            self._failed = "it was closed"
            self.llm.llm_engine.engine_core.shutdown()

    def _check_length(self, one: SteeredRequest, new: int) -> None:
        if len(one.sequence) + new > self.longest:
            bound = f" ({self.bounded_by})" if self.bounded_by else ""
            raise DataError(
                f"vLLM cannot run {one.name}: it is too long.",
                seen=f"{len(one.sequence)} tokens and {new} to be generated, at most {self.longest} together{bound}",
                fix="Use steerstack's own engine, or a shorter text."
                if bound
                else "Use a shorter text, or open the model with more (the backend's parameter length).",
            )

    def _logits(self, key: str) -> Tensor:
        of_workers = self.llm.collective_rpc("steerstack_logits", args=(key,))
        return next(logits for logits in of_workers if logits is not None)  # type: ignore[no-any-return]


def _check(one: SteeredRequest, counts: Sequence[int], output: Any) -> None:
    """Refuse a request of which other rows were edited than its plan says."""
    expected = one.expected(output.num_cached_tokens or 0, len(output.outputs[0].token_ids))
    for of, needed, touched in zip(one.edits, expected, counts, strict=True):
        if touched != needed:
            raise ModelError(
                f"vLLM edited other rows than the plan says: {one.name}, {type(of.edit).__name__} at {of.edit.site} "
                f"on {of.edit.tokens}.",
                seen=f"{needed} rows expected, {touched} edited",
                fix="Nothing of this run can be trusted; use steerstack's own engine, and tell us about the model.",
            )
