"""Vectors of other tools: read in steerstack's convention, written in theirs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open

from steerstack.catalog.lookup import find
from steerstack.catalog.manager import plugins
from steerstack.contracts import VectorFormat
from steerstack.errors import SiteError, SteerstackError, VectorError, first_line, nearest
from steerstack.steering import vector_file
from steerstack.steering.vector import SteeringVector
from steerstack.util.guard import check_regular

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.trace.model import Model

OURS = "steerstack"

_CONFIG = (
    "model_type", "hidden_size", "n_embd", "intermediate_size", "n_inner", "num_attention_heads", "n_head", "head_dim",
)  # fmt: skip


def read_vector(
    path: Path | str,
    *,
    format: str | None = None,
    layer: int | None = None,
    offset: int = 0,
    n_layers: int | None = None,
) -> SteeringVector:
    """Read a vector file of any known kind.

    Parameters
    ----------
    path:
        The file; of an autoencoder with several features ``FILE#FEATURE``.
    format:
        Name of the format; None finds it out, steerstack's own first.
    layer:
        Layer of the direction where the file does not say; else the only layer to keep.
    offset:
        Added to every layer, for files whose numbers count from elsewhere: -1 for GGUF files of tools
        that number a block's output from 1 (the generator of llama.cpp, brainpatch), and for
        rows that count like ``hidden_states``, from the embedding on.
    n_layers:
        The model's number of blocks, for files that count layers from the end, or from the embedding.

    Raises
    ------
    VectorError
        The file is missing, damaged, or has no format that is known.
    UnsafeFileError
        It is a pickle of more than tensors.
    SiteError
        It has no such layer, or none is left after the offset.
    """
    file = Path(path)
    if os.path.exists(file) and not file.is_dir():
        try:
            check_regular(file)
        except OSError as error:
            raise VectorError(f"{file} is no vector file.", seen=str(error), fix="Give the file itself.") from error
    if not (os.path.exists(file) or os.path.exists(str(file).rpartition("#")[0])):
        raise VectorError(f"There is no vector file {file}.", fix="Check the path.")
    if (format or OURS) == OURS and (format == OURS or _is_ours(file)):
        vector = SteeringVector.load(file)
    else:
        reader = find("vector-format", format)() if format else _reader(file)
        reader.n_layers = n_layers
        try:
            vector = reader.read(file) if layer is None else reader.read(file, layer=layer)
        except SteerstackError:
            raise
        except Exception as error:  # a file may be anything, and no reader thinks of everything
            raise VectorError(
                f"{file} cannot be read as {reader.name}.",
                seen=f"{type(error).__name__}: {first_line(error)[:200]}",
                fix="It is damaged, or of another format: name that with --format.",
            ) from error
    if layer is not None:
        vector = vector.only(layer)
    return moved(vector, offset) if offset else vector


def write_vector(
    vector: SteeringVector,
    path: Path | str,
    format: str = OURS,
    *,
    model: Model | None = None,
    model_type: str | None = None,
) -> None:
    """Write a vector in the format of another tool.

    Parameters
    ----------
    vector:
        The vector; it must act by addition unless the format knows its edit.
    path:
        The file to write (a folder, for peft).
    format:
        Name of the format.
    model:
        The model, where it is at hand: some formats name its modules, or record its type and depth.
    model_type:
        Only its ``config.model_type``, such as ``llama``, which is enough for all formats but peft.

    Raises
    ------
    VectorError
        The format cannot hold the vector.
    PluginError
        There is no such format.
    """
    about: dict[str, Any] = {"model_type": model_type} if model_type else {}
    if model is not None:
        model.check_vector(vector, transfer=True)
        whole = model.config.to_dict()
        about = {"config": {key: whole[key] for key in _CONFIG if key in whole}, "n_layers": model.n_layers, **about}
    if about and format != OURS:
        facts = {**vector.origin.found, **about}
        vector = replace(vector, origin=replace(vector.origin, found=facts))
    if format == OURS:
        vector.save(path)
    else:
        find("vector-format", format)().write(vector, Path(path))


def keep(vector: SteeringVector, layers: Sequence[int]) -> SteeringVector:
    """The same vector with only some of its layers; raises SiteError for one that it has not."""
    directions = {layer: vector[layer] for layer in layers}
    parts = {name: {n: t for n, t in of.items() if n in directions} for name, of in vector.parts.items()}
    return replace(vector, directions=directions, parts=parts)


def moved(vector: SteeringVector, offset: int) -> SteeringVector:
    """The same directions some layers later (earlier, below 0); raises SiteError where a layer would be negative."""
    if vector.layers[0] + offset < 0:
        raise SiteError(
            f"Layer {vector.layers[0]} cannot be moved by {offset}.", fix="Keep only the layers that stay with --layer."
        )
    parts = {name: {layer + offset: tensor for layer, tensor in of.items()} for name, of in vector.parts.items()}
    directions = {layer + offset: direction for layer, direction in vector.directions.items()}
    return replace(vector, directions=directions, parts=parts)


def _is_ours(path: Path) -> bool:
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            return vector_file.HEADER_KEY in (file.metadata() or {}) or all(n.startswith("layer.") for n in names)
    except Exception:  # whatever else it is, it is not ours
        return False


def _causes(path: Path) -> list[str]:
    """Why the formats of the file's ending cannot read it."""
    causes = []
    for name, cls in sorted(plugins().offers("vector-format").items()):
        if path.suffix in cls.suffixes:
            try:
                cls().read(path)
            except SteerstackError as error:
                causes.append(f"{name}: {error.happened} {error.seen}".strip())
            except Exception as error:  # whatever a reader stumbles over is the cause
                causes.append(f"{name}: {first_line(error)[:200]}")
    return causes


def _recognised(reader: VectorFormat, path: Path) -> bool:
    try:
        return reader.recognises(path)
    except (
        SteerstackError,
        ArithmeticError,
        AttributeError,
        LookupError,
        OSError,
        TypeError,
        ValueError,
        RuntimeError,
    ):
        return False  # another format may know it; a file that none knows is refused


def _reader(path: Path) -> VectorFormat:
    offered = plugins().offers("vector-format")
    for _, cls in sorted(offered.items(), key=lambda item: (item[1].generic, item[0])):
        reader = cls()
        if _recognised(reader, path):
            return reader
    if path.is_file():
        vector_file.refuse_pickle(path)
    description = f"{path.stat().st_size} bytes, suffix {path.suffix!r}" if path.is_file() else "a folder"
    raise VectorError(
        f"{path} has no vector format that steerstack knows.",
        seen="; ".join([description, *_causes(path)]),
        fix="Name one with --format: " + nearest("", [OURS, *offered]) + ".",
    )
