"""What a worker needs to be told, once: the model, and the settings under which results are the same."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steerstack.data.manner import USUAL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steerstack.data.manner import Manner
    from steerstack.engine.resources.batch_size import Rates
    from steerstack.trace.model import Model

SETTINGS = ("STEERSTACK_", "HF_", "TOKENIZERS_")
"""How the names of environment variables begin that workers take over."""


@dataclass(frozen=True)
class Opening:
    """How a worker opens the model, and runs it with the batches of the one who asks.

    Attributes
    ----------
    source, revision, dtype, device:
        As of :func:`steerstack.open_model`.
    fingerprint:
        Digest of the weights; a worker that finds others refuses.
    threads:
        Threads of torch in each worker.
    rates:
        What was measured for the batch size; None where it is given or fixed.
    settings:
        Environment variables.
    gpus:
        How many GPUs each worker sees, of its own; 0 for a model that lies on none.
    manner:
        How the model is asked.
    """

    source: str
    revision: str | None
    dtype: str | None
    device: str | None
    fingerprint: str
    threads: int
    rates: Rates | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    gpus: int = 0
    manner: Manner = USUAL


def opening(
    model: Model,
    source: str,
    *,
    revision: str | None,
    dtype: str | None,
    device: str | None,
    gpus: int | None = None,
) -> Opening:
    """How workers open a model that is open here.

    Parameters
    ----------
    model:
        The model as it was opened from the same arguments.
    source, revision, dtype, device:
        As of :func:`steerstack.open_model`.
    gpus:
        How many GPUs each worker has for itself; None for one where the model lies on a GPU here, else none.

    Each worker has as many threads as this process (``OMP_NUM_THREADS`` says how many): sums over
    another number of threads differ in their last bits.

    Raises
    ------
    StudyError
        The weights are on a server, or spread over more devices than a worker has.
    """
    from pathlib import Path

    import torch

    from steerstack.engine.resources.batch_size import rates
    from steerstack.errors import StudyError

    if model.remote is not None:
        raise StudyError(
            f"{model.name} is on a server, which runs one request at a time: workers would only wait for each other.",
            fix="Leave out --engine, or --remote.",
        )
    devices = sorted({str(weight.device) for weight in model.module.parameters()})
    if gpus is None:
        gpus = int(model.device.type == "cuda")
    if len(devices) > max(gpus, 1):
        raise StudyError(
            f"{model.name} is spread over {len(devices)} devices, and each worker has {max(gpus, 1)}.",
            seen=", ".join(devices),
            fix="Add --gpus-per-worker with as many, or open the model on one device.",
        )
    place = "cuda" if device is not None and device.startswith("cuda:") else device  # a worker sees its own alone
    address = str(Path(source).absolute()) if os.path.exists(source) else source  # workers may begin elsewhere
    settings = {name: value for name, value in os.environ.items() if name.startswith(SETTINGS)}
    manner = model.format.manner
    measured = None if "STEERSTACK_BATCH_TOKENS" in settings else rates(model)
    return Opening(
        address, revision, dtype, place, model.fingerprint, torch.get_num_threads(), measured, settings, gpus, manner
    )


_models: dict[Path | None, Model] = {}
"""In a worker: the model under None, and the last fine-tune under the place of its weights."""


def prepare(how: Opening, place: int) -> None:
    """Make a fresh process a worker: settings, threads, quiet libraries. Called before torch is imported."""
    import signal
    import warnings

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the driver ends workers
    os.environ.update(how.settings)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ["OMP_NUM_THREADS"] = str(how.threads)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # workers may have more threads than there are cores
    choose_gpus(how, place)
    warnings.simplefilter("ignore")
    import torch
    from transformers.utils import logging

    torch.set_num_threads(how.threads)
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def choose_gpus(how: Opening, place: int) -> None:
    """Leave a worker its own of the GPUs that are visible, in turn: all of them where an engine has chosen."""
    if not how.gpus:
        return
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = visible.split(",") if visible else [str(index) for index in range(torch.cuda.device_count())]
    first = place % max(len(names) // how.gpus, 1) * how.gpus
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(names[first : first + how.gpus])


def model_of(how: Opening, weights: Path | None, fingerprint: str) -> Model:
    """In a worker: the model, or a fine-tune of it by its changed weights; opened once.

    Raises
    ------
    StudyError
        The weights are not those that the study was begun with.
    """
    from steerstack.engine.resources import batch_size
    from steerstack.trace.changed_weights import with_weights
    from steerstack.trace.open import open_model

    if None not in _models:
        batch_size.adopt(how.rates)
        model = open_model(how.source, revision=how.revision, dtype=how.dtype, device=how.device)
        _models[None] = _checked(model, how.fingerprint).asked(how.manner)
    if weights is not None and weights not in _models:
        for place in [place for place in _models if place is not None]:
            del _models[place]  # one fine-tune at a time
        _models[weights] = _checked(with_weights(_models[None], weights), fingerprint)
    return _models[weights]


def _checked(model: Model, fingerprint: str) -> Model:
    from steerstack.errors import StudyError

    if model.fingerprint != fingerprint:
        raise StudyError(
            f"A worker found other weights under {model.name}.",
            seen=f"{model.fingerprint[:12]} there, {fingerprint[:12]} here",
            fix="The same model files, dtype and study folder must be visible to every worker.",
        )
    return model
