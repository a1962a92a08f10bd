"""How many blocks a model has, from its config alone."""

import os
from pathlib import Path
from typing import Any

from steerstack.errors import ModelError
from steerstack.util.guard import read_json

KEYS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
"""What configs call the number of blocks."""


def depth_of(model_name: str) -> int | None:
    """The number of blocks of a model: of its folder, or of what the hub's cache holds of it; None where neither says.

    Parameters
    ----------
    model_name:
        A folder with ``config.json``, or an id on the hub.
    """
    path = Path(model_name) / "config.json"
    if not os.path.isfile(path):
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            cached = try_to_load_from_cache(model_name, "config.json")
        except HFValidationError:
            return None
        if not isinstance(cached, str):
            return None
        path = Path(cached)
    try:
        config = read_json(path, ModelError)
    except ModelError:
        return None
    return _depth(config) or _depth(config.get("text_config"))


def _depth(config: Any) -> int | None:
    depths = [config.get(key) for key in KEYS] if isinstance(config, dict) else []
    return next((depth for depth in depths if type(depth) is int and depth > 0), None)
