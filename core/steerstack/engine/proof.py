"""The engine proves itself on each model: every shortcut is compared with plain passes before it is taken.

A plain pass runs one sequence as a whole, without a cache, by transformers alone. The engine runs
the same few short sequences, unsteered and steered, with all shortcuts at once. Where that
agrees, all are taken. Where it does not, they are added one by one to the slowest path, and
those that disagree are left out. Where the config names a window or chunk of attention, the same
is done with sequences that are longer.
"""

import logging
import math
from importlib.metadata import version
from typing import Any

from steerstack.engine.layout.reach import context, reach, shrunk, windows
from steerstack.engine.resources.batch_size import config_digest
from steerstack.engine.trial import Trial
from steerstack.errors import ModelError, SteerstackError
from steerstack.trace.model import Model
from steerstack.trace.paths import EVERY, SHORTCUTS, Paths, Shortcut
from steerstack.trace.remote.call import remotely, require_weights
from steerstack.util import digest
from steerstack.util.folders import cache_folder
from steerstack.util.json_cache import Kept

FORMAT = 7
"""Of the verdicts on disk: to be raised with any change of the engine's paths or of the trial."""

NARROW = 8
"""Tokens to which windows are narrowed, so that a short sequence is longer than they are."""

SHORT = 64
"""Windows up to so many tokens are not narrowed: the sequences of the trial are made longer instead."""

_KNOWN: dict[str, Paths] = {}

log = logging.getLogger("steerstack")


def prove(model: Model) -> Paths:
    """The shortcuts that agree with plain passes of a model; tried now if they never were.

    What is left out is said once, on the logger ``steerstack``. The verdict is kept in the
    user's cache under the fingerprint of the weights.

    Raises
    ------
    ModelError
        Even the slowest path disagrees; or a backend runs the model.
    """
    require_weights(model)
    if model.paths is None:
        if model.visiting:  # on a server: the client asks for the proof, and sends it with each call
            return Paths()
        key = _key(model)
        if key not in _KNOWN:
            _KNOWN[key] = _kept(model, key)
            _tell(model, _KNOWN[key])
        model.paths = _KNOWN[key]
        if model.remote is not None:
            model.remote.paths = model.paths
    return model.paths


def _kept(model: Model, key: str) -> Paths:
    try:
        cache = Kept(cache_folder() / "paths.sqlite")
        entries = cache.get([key])
        if key in entries:
            return Paths.from_json(entries[key])
        paths = Paths.from_json(_try(model))
        cache.put({key: paths.to_json()})
    except ModelError:
        raise
    except SteerstackError as error:
        log.info("Which shortcuts agree is not kept: %s (%s)", error.happened, error.seen)
        return Paths.from_json(_try(model))
    return paths


def _key(model: Model) -> str:
    versions = [version(package) for package in ("torch", "transformers", "steerstack")]
    device = model.device.type if model.remote is None else str(model.remote)
    attention = getattr(model.config, "_attn_implementation", None)
    return digest.of_json(
        [FORMAT, model.fingerprint, config_digest(model), str(model.dtype), device, attention, versions]
    )


def _tell(model: Model, paths: Paths) -> None:
    if paths.off:
        shortcuts = ", ".join(f"{name} ({f'off by {off:.2g} nats' if math.isfinite(off) else 'cannot run'})"
                         for name, off in paths.off.items())  # fmt: skip
        log.warning("%s: slower paths are taken in place of shortcuts that do not agree: %s.", model.name, shortcuts)


@remotely()
def _try(model: Model) -> dict[str, Any]:
    """Compare, where the weights are; the paths as JSON."""
    before, model.paths = model.paths, None
    try:
        return _compare(model).to_json()
    finally:
        model.paths = before


def _compare(model: Model) -> Paths:
    limit, bound = reach(model), context(model)
    off: dict[str, float] = {}
    room = bound if bound is not None else 1 << 30
    if room < Trial.LEAST:
        return Paths()
    if limit is None:
        return Paths(_agreeing(model, Trial.of(model, room=room), off), off=off)
    used: frozenset[Shortcut] = frozenset()
    beyond: frozenset[Shortcut] = frozenset()
    named = limit > SHORT and windows(model)
    if limit >= Trial.COLUMNS:
        plain = Trial.of(model, longer=NARROW if named else 0, room=room)
        used = _agreeing(model, plain, off)
    if limit <= SHORT:
        if room >= limit + Trial.LEAST:
            beyond = _agreeing(model, Trial.of(model, longer=limit, room=room), off)
    elif named:
        with shrunk(model, NARROW):
            narrow = Trial.of(model, longer=NARROW, room=room)
            if narrow.differs(plain):  # else the model has its windows from elsewhere
                beyond = _agreeing(model, narrow, off)
    return Paths(used, limit, beyond, off)


def _agreeing(model: Model, trial: Trial, off: dict[str, float]) -> frozenset[Shortcut]:
    """The shortcuts that agree, all together; how far off the others are is added to ``off``."""
    if not trial.sound:
        return frozenset()  # the run itself will say that the model's own numbers overflow
    if trial.explains(trial.off_by(EVERY)):
        return EVERY
    if trial.recalled:  # the weights may have been changed since the model was opened
        now = trial.anew()
        if now.differs(trial):
            return _agreeing(model, now, off)
    shortcuts: frozenset[Shortcut] = frozenset()
    alone = trial.off_by(shortcuts)
    if not trial.explains(alone):
        raise ModelError(
            f"Even one sequence at a time, the engine's numbers of {model.name} are not the model's own.",
            seen=f"log-probabilities off by {alone:.3g} nats; rounding explains {trial.rounding:.2g}",
            fix="No number from it could be trusted; tell us about this architecture.",
        )
    for shortcut in SHORTCUTS:
        by = trial.off_by(shortcuts | {shortcut})
        if trial.explains(by):
            shortcuts |= {shortcut}
        else:
            off[shortcut] = max(by, off.get(shortcut, 0.0))
    return shortcuts
