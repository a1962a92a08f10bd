"""How long a row of tokens may be: positions that exist, and windows and chunks beyond which attention changes."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from steerstack.trace.model import Model

POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len")
"""Names under which configs tell how many positions there are."""

WINDOWS = ("sliding_window", "sliding_window_size", "window_size", "attention_window_size", "attention_chunk_size")
"""Names under which configs tell windows and chunks of attention, in tokens."""

SWITCHES = ("original_max_position_embeddings", "floor_scale")
"""Names under which configs tell a length beyond which positions are scaled anew."""


def context(model: Model) -> int | None:
    """How many positions a model has; None where there is no bound that it names.

    A rotary embedding that is stretched has as many more.
    """
    if getattr(model.config, "alibi", False) or model.config.model_type in ("bloom", "mpt"):
        return None  # a slope, whatever the distance
    lengths = [value for name in POSITIONS if isinstance(value := getattr(model.config, name, None), int) and value > 0]
    if not lengths:
        return None
    factors = [float(rope["factor"]) for rope in _ropes(model) if isinstance(rope.get("factor"), int | float)]
    return int(max(lengths) * max([1.0, *factors]))


def windows(model: Model) -> dict[str, int]:
    """Windows and chunks that the config names, by name."""
    values = {name: getattr(model.config, name, None) for name in WINDOWS}
    return {name: value for name, value in values.items() if isinstance(value, int) and value > 0}


def reach(model: Model) -> int | None:
    """The longest row in which no window, chunk or switch of scale is felt; None where none is named."""
    switches = [getattr(model.config, name, None) for name in SWITCHES]
    switches += [rope.get(name) for rope in _ropes(model) for name in SWITCHES if rope.get("rope_type") == "longrope"]
    if any(rope.get("rope_type") == "dynamic" for rope in _ropes(model)):
        switches.append(getattr(model.config, "max_position_embeddings", None))
    named = [*windows(model).values(), *(value for value in switches if isinstance(value, int) and value > 0)]
    return min(named, default=None)


def longest_row(model: Model) -> int:
    """Bound on the tokens of a row that several arms or options share: each stands farther off than its position.

    Some models (GPT-Neo, GPT-J) know by the place in the row, not by position, what a token may see.
    """
    return min([*(bound for bound in (reach(model), context(model)) if bound is not None), 1 << 30])


def _ropes(model: Model) -> list[Mapping[str, Any]]:
    """How positions are rotated: one account, or one for each kind of layer."""
    account = getattr(model.config, "rope_parameters", None) or getattr(model.config, "rope_scaling", None) or {}
    if not isinstance(account, Mapping):
        return []
    inner = [part for part in account.values() if isinstance(part, Mapping)]
    return inner or [account]


@contextlib.contextmanager
def shrunk(model: Model, size: int) -> Iterator[None]:
    """Make all windows and chunks ``size`` tokens meanwhile, in the configs and in whatever module copied them."""
    before: list[tuple[Any, str, Any]] = []
    for name, value in windows(model).items():
        holders = [model.config, *(part for part in model.module.modules())]
        holders += [part.config for part in model.module.modules() if hasattr(part, "config")]
        for holder in {id(holder): holder for holder in holders}.values():
            own = getattr(holder, name, None)
            if isinstance(own, int) and not isinstance(own, bool) and own in (value, value - 1):
                before.append((holder, name, own))
    try:
        for holder, name, _ in before:
            setattr(holder, name, size)
        yield
    finally:
        for holder, name, own in before:
            setattr(holder, name, own)
