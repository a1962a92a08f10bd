"""How many tokens a forward pass is to hold: measured once for each model and machine, and kept.

Larger passes use a device better, up to a point; beyond it they only take memory. What was
measured is kept in the cache folder, so that a study that goes on another day runs the same batches and
gives the same numbers.
"""

import json
import logging
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from steerstack.engine.layout.batches import TOKENS
from steerstack.engine.resources.memory import SHARE, beside, bytes_per_token, spare
from steerstack.errors import SteerstackError
from steerstack.steering.site import Site
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model
from steerstack.util import digest
from steerstack.util.files import write_json
from steerstack.util.folders import cache_folder

SIZES = (512, 1024, 2048, 4096, 8192)
"""Tokens of a pass that are tried."""

SLACK = 0.03
"""How far below the best rate a smaller size may stay."""

SECONDS = 2.5
"""No further size is tried once this is used up."""

ROW = 64
"""Tokens of each row that is timed."""

FORMAT = 1
"""Of the files, and of the way in which the rates are measured."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rates:
    """What was measured of one model on one machine.

    Attributes
    ----------
    tokens_per_second:
        Rate of each size that was tried.
    largest:
        The largest size that memory allows.
    """

    tokens_per_second: Mapping[int, float]
    largest: int

    def choose(self, least: int = 0) -> int:
        """The smallest size, from ``least`` on, whose rate is within :data:`SLACK` of the best.

        One rate says nothing: the device was too slow, or too busy, for a second size to be
        tried. Then it is the default, or less where memory allows no more.
        """
        candidates = {size: rate for size, rate in self.tokens_per_second.items() if size >= min(least, self.largest)}
        if len(self.tokens_per_second) == 1 or not candidates:
            return min(TOKENS, self.largest)
        best = max(candidates.values())
        return min(size for size, rate in candidates.items() if rate >= (1 - SLACK) * best)


def measure(
    model: Model, sizes: tuple[int, ...], *, clock: Callable[[], float] = time.perf_counter
) -> dict[int, float]:
    """Tokens per second of passes of several sizes, of all blocks together.

    One block is timed and multiplied by the number of blocks; what a pass costs whatever its
    size is timed on one token, and taken off the one block.
    """
    first, every = [Site("resid_post", 0)], [Site("resid_post", layer) for layer in range(model.n_layers)]
    began = clock()
    for sites in (first, every):
        _seconds(model, 1, sites, clock)  # once, before anything is timed
    fixed, small = _seconds(model, 1, every, clock), _seconds(model, 1, first, clock)
    rates: dict[int, float] = {}
    last = 0.0
    for size in sizes:
        if rates and clock() - began + 2 * last > SECONDS:
            break
        seconds = [_seconds(model, size, first, clock)]
        last = seconds[0]
        if 2 * last < SECONDS / 10:  # short ones are disturbed more
            seconds += [_seconds(model, size, first, clock) for _ in range(2)]
        rates[size] = size / (fixed + model.n_layers * max(min(seconds) - small, 1e-6))
    return rates


def _seconds(model: Model, size: int, sites: list[Site], clock: Callable[[], float]) -> float:
    width = min(ROW, size)
    ids = torch.arange(size).reshape(-1, width) % model.config.vocab_size
    work = Pass(ids, torch.ones_like(ids, dtype=torch.bool), read=dict.fromkeys(sites, lambda hidden: hidden[:1, :1]))
    began = clock()
    outcome = run(model, work)
    for value in outcome.read.values():
        value.cpu()  # a GPU answers before it is done
    return clock() - began


Measure = Callable[[Model, tuple[int, ...]], Mapping[int, float]]
"""Gives the tokens per second of passes of several sizes."""

_measured: dict[Path, Rates] = {}
_adopted: list[Rates] = []


def batch_tokens(
    model: Model, work: int, *, least: int = 0, memory: int | None = None, measure: Measure = measure
) -> int:
    """Bound on the tokens of one forward pass.

    ``STEERSTACK_BATCH_TOKENS``, if it is set; the default for work that fits one pass of it;
    else by what was measured, which is measured now if it never was.

    Parameters
    ----------
    model:
        The model, where it lies.
    work:
        Tokens to be run in all.
    least:
        Smaller sizes are not chosen, unless memory allows no more.
    memory:
        Bytes that one pass may take; None for a quarter of what is available.
    measure:
        How the rates are found where they are not known.

    Raises
    ------
    SteerstackError
        ``STEERSTACK_BATCH_TOKENS`` is not a positive whole number.
    """
    setting = os.environ.get("STEERSTACK_BATCH_TOKENS")
    if setting:
        return _read(setting)
    if work <= TOKENS or model.remote is not None or model.visiting:  # nothing is measured on a server
        return TOKENS
    return rates(model, memory, measure).choose(least)


def rates(model: Model, memory: int | None = None, measure: Measure = measure) -> Rates:
    """What was measured of a model on this machine; it is measured now if it never was."""
    if _adopted:
        return _adopted[0]
    path = cache_folder() / "batches" / f"{_key(model)}.json"
    if path not in _measured:
        _measured[path] = _kept(path) or _measure_and_keep(model, path, memory, measure)
    return _measured[path]


def adopt(found: Rates | None) -> None:
    """Measure nothing in this process: run the batches of another one, whose rates these are."""
    _adopted[:] = [found] if found is not None else []


def _measure_and_keep(model: Model, path: Path, memory: int | None, measure: Measure) -> Rates:
    allowed = min(spare(model) // SHARE, memory if memory is not None else 1 << 62, beside(model))
    fitting = tuple(size for size in SIZES if size * bytes_per_token(model) <= allowed) or SIZES[:1]
    rates = Rates(measure(model, fitting), fitting[-1])
    try:
        write_json(path, asdict(rates))
    except SteerstackError as error:
        log.warning("The batch size is not kept: %s (%s)", error.happened, error.seen)
    return rates


def _kept(path: Path) -> Rates | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        rates = {int(size): float(rate) for size, rate in value["tokens_per_second"].items()}
        largest = int(value["largest"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Rates(rates, largest) if rates and min(*rates, largest, *rates.values()) > 0 else None


def _read(value: str) -> int:
    try:
        if (tokens := int(value)) > 0:
            return tokens
    except ValueError:
        pass
    raise SteerstackError(
        "STEERSTACK_BATCH_TOKENS is not a number of tokens.", seen=repr(value), fix="Set it to 1024, say, or unset it."
    )


def _key(model: Model) -> str:
    device = model.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} {platform.machine()}"
    places = getattr(model.module, "hf_device_map", {})
    if len(set(places.values())) > 1:  # offloaded weights make passes slow, many devices wait for each other
        name = f"{name} {sorted((str(part), str(place)) for part, place in places.items())}"
    return digest.of_json([FORMAT, config_digest(model), str(model.dtype), name, torch.get_num_threads()])


def config_digest(model: Model) -> str:
    """Digest of the model's configuration, without its name and without the version that wrote it."""
    values = {
        name: value
        for name, value in model.config.to_dict().items()
        if not name.startswith("_") and name != "transformers_version"
    }
    return digest.of_json(json.loads(json.dumps(values, sort_keys=True, default=str)))
