"""What a submitted model may consist of: safetensors, a configuration, a tokenizer, and nothing that runs."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from steerstack.errors import DataError, UnsafeFileError
from steerstack.util import digest
from steerstack.util.guard import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TEXTS = frozenset(
    {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
     "added_tokens.json", "vocab.json", "merges.txt", "vocab.txt", "chat_template.jinja", "chat_template.json",
     "model.safetensors.index.json"}
)  # fmt: skip
NEEDED = "config.json"
WEIGHTS = ".safetensors"
LARGEST = 64 * 2**20
"""Bytes of the largest file that is no weights."""

CODE = ("auto_map", "custom_pipelines", "trust_remote_code")
"""Keys with which a configuration asks for code of its own to be run."""


def model_files(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a model's folder, by name, if all of them are harmless.

    Raises
    ------
    UnsafeFileError
        A file is a pickle or code, leads out of the folder, or asks for code to be run.
    DataError
        The folder holds no model, or a file that belongs to none.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise DataError(f"{folder} is no folder of a model.", fix="Give a folder that `save_pretrained` wrote.")
    paths = sorted(folder.iterdir())
    for path in paths:
        _check_kind(path)
    names = {path.name for path in paths}
    if NEEDED not in names or not any(name.endswith(WEIGHTS) for name in names):
        raise DataError(
            f"{folder} holds no model.", seen=", ".join(sorted(names)), fix="It needs config.json and safetensors."
        )
    for path in paths:
        if path.suffix == WEIGHTS:
            _check_weights(path)
        elif path.suffix == ".json":
            _check_settings(path, names)
    return {path.name: digest.of_file(path) for path in paths}


def _check_kind(path: Path) -> None:
    if path.is_symlink():
        raise UnsafeFileError(
            f"{path} is a link.",
            seen=f"to {path.readlink()}",
            fix="Submit the file itself: links lead out of the folder.",
        )
    if not path.is_file():
        raise DataError(f"{path} is no plain file.", fix="A model's folder holds files alone.")
    if path.suffix != WEIGHTS and path.name not in TEXTS:
        raise UnsafeFileError(
            f"{path} is not among the files that a model may consist of.",
            seen=path.name,
            fix=f"Weights must be {WEIGHTS} files; a .bin, .pt or .pkl file is a pickle, and code is not run.",
        )
    if path.suffix != WEIGHTS and path.stat().st_size > LARGEST:
        raise DataError(f"{path} is too large.", seen=f"{path.stat().st_size} bytes", fix="Only weights may be large.")


def _check_weights(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            file.keys()
    except (SafetensorError, OSError, ValueError) as error:
        raise UnsafeFileError(
            f"{path} is no safetensors file, whatever its name.", seen=str(error), fix="Save with safetensors."
        ) from error


def _check_settings(path: Path, names: set[str]) -> None:
    content = read_json(path, DataError, most=LARGEST, fix="Save the model again.")
    if path.name == "model.safetensors.index.json":
        shards = content.get("weight_map", {})
        outside = sorted({str(shard) for shard in shards.values()} - names) if isinstance(shards, dict) else ["?"]
        if outside:
            raise UnsafeFileError(
                f"{path} names weights that are not in the folder.", seen=outside[0], fix="Submit every shard."
            )
    if path.name not in ("config.json", "tokenizer_config.json", "generation_config.json"):
        return
    for key, value in _settings(content):
        if key in CODE and value:
            raise UnsafeFileError(
                f"{path} asks for code to be run.", seen=f"{key}: {value}", fix="Submit a model of transformers' own."
            )
        if isinstance(value, str) and key != "_name_or_path" and _leads_out(value):
            raise UnsafeFileError(
                f"{path} names a path out of the folder.", seen=f"{key}: {value[:80]}", fix="Take the setting out."
            )


def _settings(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, entry in value.items():
            yield str(name), entry if not isinstance(entry, dict | list) else bool(entry)
            yield from _settings(entry, str(name))
    elif isinstance(value, list):
        for entry in value:
            yield from _settings(entry, key)
    else:
        yield key, value


def _leads_out(text: str) -> bool:
    """Whether a text is an absolute path, or one that goes upwards; one character or several words are no path."""
    if len(text) < 3 or len(text.split()) != 1:
        return False
    parts = (PurePosixPath(text), PureWindowsPath(text))
    return any(part.is_absolute() or ".." in part.parts for part in parts)


def settings_in(path: Path) -> Mapping[str, Any]:
    """The object that a JSON file of the game holds.

    Raises
    ------
    DataError
        It cannot be read, or holds something else.
    """
    if path.is_symlink():
        raise DataError(f"{path} is a link.", fix="Submit the file itself.")
    return read_json(path, DataError, most=LARGEST, fix="It must be a JSON file of the game.")
