"""Run a training library so that nothing outside notices: files, chatter, random states, settings."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import random
import tempfile
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHATTY = ("accelerate", "datasets", "peft", "transformers", "trl")
"""Libraries whose loggers are held to errors."""


@contextlib.contextmanager
def undisturbed(seed: int) -> Iterator[Path]:
    """Gradients on, everything seeded, warnings and log lines off; afterwards all is as it was.

    Put back are the random states (Python, NumPy, torch), the environment, the levels of the
    libraries' loggers, and what accelerate shares between all trainers of a process.

    Parameters
    ----------
    seed:
        Of all random states inside.

    Yields
    ------
    Path
        A temporary folder for whatever the library writes.
    """
    from pathlib import Path

    import numpy as np
    import torch

    with warnings.catch_warnings():  # what a library sets when it is first imported is not part of the training
        warnings.simplefilter("ignore")
        for name in CHATTY:
            importlib.import_module(name)
    from accelerate.state import AcceleratorState, GradientState, PartialState

    shared = [kind._shared_state for kind in (PartialState, AcceleratorState, GradientState)]
    copies = [dict(state) for state in shared]
    loggers = [logging.getLogger(name) for name in CHATTY]
    levels = [logger.level for logger in loggers]
    environment, states = dict(os.environ), (random.getstate(), np.random.get_state())
    with (
        tempfile.TemporaryDirectory(prefix="steerstack-") as folder,
        warnings.catch_warnings(),
        torch.random.fork_rng(),
        torch.enable_grad(),
    ):
        warnings.simplefilter("ignore")
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield Path(folder)
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            for state, before in zip(shared, copies, strict=True):
                state.clear()
                state.update(before)
            for name in [name for name in os.environ if name not in environment]:
                del os.environ[name]
            os.environ.update(environment)
