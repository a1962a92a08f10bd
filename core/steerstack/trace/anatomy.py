"""The anatomy of a language model: where its blocks, their sublayers and its unembedding are.

Only names are looked up here. Whether the places are what their names say is seen by running
the model (:mod:`steerstack.trace.check`).
"""

from collections.abc import Hashable, Sequence
from typing import Any

from torch import nn

from steerstack.errors import ModelError
from steerstack.trace import module_names


def aliases(module: nn.Module, name: str) -> dict[str | type, str | list[str]]:
    """What nnsight is to call the parts of a loaded model: its blocks ``layers``, its unembedding ``unembedding``.

    Raises
    ------
    ModelError
        No list of blocks is found, or several.
    """
    names = dict(module_names.ALIASES)
    names[_blocks(module, name)] = "layers"
    head: Any = getattr(module, "get_output_embeddings", lambda: None)()
    path = next((path for path, part in module.named_modules() if part is head), None)
    if path:
        names = {old: alias for old, alias in names.items() if alias != "unembedding"}
        names[path] = "unembedding"
    return names


def _blocks(module: nn.Module, name: str) -> str:
    """Path of the list of blocks: the one that the table knows, or else the only one as long as the config says."""
    lists = {path: part for path, part in module.named_modules() if isinstance(part, nn.ModuleList)}
    paths = [path for path, alias in module_names.ALIASES.items() if alias == "layers" and path in lists]
    if paths:
        return str(paths[0])
    config: Any = module.config.get_text_config()  # type: ignore[union-attr, operator]
    outermost = {path: part for path, part in lists.items() if not any(path.startswith(f"{other}.") for other in lists)}
    fitting = [path for path, part in outermost.items() if len(part) == getattr(config, "num_hidden_layers", -1)]
    if len(fitting) == 1:
        return fitting[0]
    raise ModelError(
        f"No one list of blocks was found in {name}.",
        seen=f"model type {config.model_type!r}, lists {', '.join(fitting or lists) or 'none'}",
        fix="Only decoder-only language models, whose blocks run once each, can be opened; tell us about this one.",
    )


def sublayer(block: nn.Module, component: str, model_type: str) -> str | None:
    """Dotted name, inside a block, of the module whose output (input, for heads) a component reads; None without one.

    ``mlp_out`` of a mixture of experts is the sum after routing. Where experts and another
    feed-forward sublayer are added up in the block itself, no module holds that sum.
    """
    special = module_names.INNER.get(model_type, {}).get(component)
    if special:
        return special
    if component == "head_out":
        return _projection(block)
    if component == "attn_out":
        return _first(block, module_names.ATTENTION) or _mixer(block, component)
    if _first(block, module_names.BESIDE):
        return None
    return _first(block, module_names.MLP) or _mixer(block, component)


def mixes(part: nn.Module) -> bool:
    """Whether a feed-forward sublayer is a mixture of experts, whose output is their sum after routing."""
    return any(isinstance(getattr(part, name, None), nn.Module) for name in module_names.EXPERTS)


def _first(block: nn.Module, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if isinstance(getattr(block, name, None), nn.Module)), None)


def _mixer(block: nn.Module, component: str) -> str | None:
    """A block's only sublayer (Nemotron-H, RecurrentGemma's temporal block), told apart by what it holds."""
    for name in module_names.MIXER:
        mixer = getattr(block, name, None)
        if mixer is not None:
            attends = any(hasattr(mixer, query) for query in module_names.QUERY)
            recurs = any(hasattr(mixer, part) for part in module_names.RECURRENT)
            kind = "attn_out" if attends else None if recurs else "mlp_out"
            return name if kind == component else None
    return None


def _projection(block: nn.Module) -> str | None:
    attention = _first(block, module_names.ATTENTION) or _mixer(block, "attn_out")
    if attention is None:
        return None
    for inside in ("", *module_names.ATTENTION):  # GPT-Neo has an attention inside its attention
        path = f"{attention}.{inside}".rstrip(".")
        try:
            part = block.get_submodule(path)
        except AttributeError:
            continue
        for projection in module_names.PROJECTION:
            if isinstance(getattr(part, projection, None), nn.Module):
                return f"{path}.{projection}"
    return None


def children(block: nn.Module) -> str:
    """The parts of a block, for an error that names them."""
    return ", ".join(f"{name} ({type(part).__name__})" for name, part in block.named_children())


_COUNTED = ("layer_idx", "layer_id", "layer_number", "block_idx", "training")
"""Settings that count a block or say what it is doing, and nothing of its kind."""


def entry_with_every_kind(blocks: Sequence[nn.Module], few: int) -> int:
    """The block from which a pass meets every kind of block that the model has, and the last ``few`` in any case.

    A look at the last few is a look at all only where they are all alike.
    """
    last = {_kind(block): layer for layer, block in enumerate(blocks)}
    return max(0, min(*last.values(), len(blocks) - few))


def _kind(block: nn.Module) -> Hashable:
    """The classes of a block's parts, and their settings: a window, a kind of attention, experts or none."""
    return tuple((name, type(part).__qualname__, _settings(part)) for name, part in block.named_modules())


def _settings(part: nn.Module) -> tuple[tuple[str, str], ...]:
    settings = (
        (name, value) for name, value in vars(part).items() if not name.startswith("_") and name not in _COUNTED
    )
    return tuple(
        sorted((name, repr(value)) for name, value in settings if isinstance(value, bool | int | str | type(None)))
    )
