"""Start vLLM in this process, and leave the process as it was found."""

from __future__ import annotations

import contextlib
import logging
import os
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from steerstack.errors import ModelError, PluginError, first_line
from steerstack.trace.embedded_model import embedded_model
from steerstack.trace.load import is_embedded
from steerstack.trace.source.gguf import converted

WORKER = "steerstack_plugins.backends.vllm_model.worker.SteeredWorker"

GIVEN: Mapping[str, str] = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # plans are handed over as they are, not over a wire
    "VLLM_USE_V2_MODEL_RUNNER": "0",  # the first one tells which rows belong to which request
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # threads are not bound to cores that others use too
    "VLLM_CONFIGURE_LOGGING": "0",  # else it writes on standard output
    "VLLM_NO_USAGE_STATS": "1",
}
"""Settings of vLLM's while it starts; the user's own for the binding of threads and for logging stay."""

_OWN = ("VLLM_CPU_OMP_THREADS_BIND", "VLLM_CONFIGURE_LOGGING")


def start(source: str, **options: Any) -> Any:
    """A ``vllm.LLM`` whose worker takes plans.

    Parameters
    ----------
    source:
        A folder, a GGUF file, a Hugging Face id, or the embedded model by its alias.
    options:
        As vLLM takes them.

    Raises
    ------
    PluginError
        vLLM is not installed, or what is installed beside it stops it.
    ModelError
        It cannot open the model, or has another one open in this process.
    """
    if is_embedded(source):
        source = str(embedded_model())
    elif source.endswith(".gguf"):
        source = str(converted(Path(source)))
    with _undisturbed():
        try:
            from vllm import LLM
        except (ImportError, RuntimeError) as error:
            raise PluginError(
                "vLLM cannot be imported.",
                seen=f"{type(error).__name__}: {first_line(error)}",
                fix="It needs an environment of its own: `nox -s vllm` makes one, and the documentation says how. "
                "Beside a CPU torch, torchvision, torchaudio and torchcodec must not be installed.",
            ) from error
        _alone()
        try:
            return LLM(
                model=source,
                skip_tokenizer_init=True,  # texts are token ids, made by steerstack's own tokenizer
                enforce_eager=True,  # hooks are not seen by compiled code
                async_scheduling=False,  # else one token more than is kept may be run
                enable_prefix_caching=True,
                generation_config="vllm",  # none of the model's own settings of sampling
                worker_extension_cls=WORKER,
                disable_log_stats=True,
                **options,
            )
        except Exception as error:  # whatever it dies of: it has errors of many kinds and no base of them
            raise ModelError(
                f"vLLM cannot open {source}.",
                seen=f"{type(error).__name__}: {first_line(error)}",
                fix="Its own list of models says which architectures it runs, and its log why this one does not start.",
            ) from error


def _alone() -> None:
    """Refuse a second model: vLLM keeps one set of process groups, and ends it with whichever model ends first."""
    from vllm.distributed.parallel_state import model_parallel_is_initialized

    if model_parallel_is_initialized():
        raise ModelError(
            "vLLM has a model open in this process already.",
            seen="its process groups are in use",
            fix="Close it first (model.close()), or open this one in another process.",
        )


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep vLLM quiet; put back what it changes: environment, threads, default dtype, random numbers."""
    before, logger = dict(os.environ), logging.getLogger("vllm")
    setter, threads, dtype = torch.set_num_threads, torch.get_num_threads(), torch.get_default_dtype()
    states, level = (random.getstate(), np.random.get_state(), torch.get_rng_state()), logger.level
    os.environ.update({name: value for name, value in GIVEN.items() if name not in _OWN or name not in before})
    if "VLLM_CONFIGURE_LOGGING" not in before:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        os.environ.clear()
        os.environ.update(before)
        torch.set_num_threads = setter
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
