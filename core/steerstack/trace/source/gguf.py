"""A model that is one GGUF file: converted once to safetensors, and kept in the user's cache under the file's digest.

A kept conversion holds the digests of its files. One that is not whole, or was changed, is made
again, and those that were not used for longest go where there would be too many.
"""

import json
import logging
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from steerstack.util import digest
from steerstack.util.files import write_json
from steerstack.util.folders import cache_folder
from steerstack.util.gguf_header import check_header
from steerstack.util.locks import locked

BOUND = 64 * 10**9
"""Bytes of all kept conversions; the newest is kept whatever its size."""

STALE = 24 * 3600
"""Seconds after which what a conversion that was cut short left behind is removed."""

CHECKSUMS = "checksums.json"

log = logging.getLogger("steerstack")


def converted(file: Path) -> Path:
    """Folder of a GGUF file's model, made on first use; a later use reads the file once, for its digest.

    Raises
    ------
    OSError
        The cache cannot be written.
    ValueError
        The file's header claims more than it holds.
    Exception
        Whatever transformers raises on a file that it cannot read.
    """
    cache = cache_folder() / "gguf"
    folder = cache / digest.of_file(file)[:32]
    with locked(cache / f"{folder.name}.lock"):
        if not whole(folder):
            cache.mkdir(parents=True, exist_ok=True)
            _sweep(cache)
            check_header(file)
            log.info("Converting %s; it is kept in %s.", file, folder)
            with tempfile.TemporaryDirectory(dir=cache, prefix=".made-") as scratch:
                target = Path(scratch) / "model"
                convert(file, target)
                write_json(target / CHECKSUMS, _digests(target))
                shutil.rmtree(folder, ignore_errors=True)
                target.rename(folder)
        os.utime(folder)
    _bound(cache, folder)
    return folder


def convert(file: Path, out: Path) -> None:
    """Write a GGUF file's model, its weights in float32, and its tokenizer as a folder of safetensors."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    options: dict[str, Any] = {"gguf_file": file.name}
    tokenizer = AutoTokenizer.from_pretrained(str(file.parent), **options)
    # without dequantize=True the weights could not be saved again
    config = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(
        str(file.parent), dtype=torch.float32, quantization_config=config, **options
    )
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def whole(folder: Path) -> bool:
    """Whether a folder holds a conversion as it was written."""
    try:
        digests = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
        return bool(digests) and digests == _digests(folder)
    except (OSError, ValueError):
        return False


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: digest.of_file(path) for path in sorted(folder.iterdir()) if path.name != CHECKSUMS}


def _sweep(kept: Path) -> None:
    for left in kept.glob(".made-*"):
        if time.time() - left.stat().st_mtime > STALE:
            shutil.rmtree(left, ignore_errors=True)


def _bound(kept: Path, newest: Path) -> None:
    """Remove the conversions that were not used for longest, until all are within the bound."""
    folders = sorted((path for path in kept.iterdir() if (path / CHECKSUMS).is_file()), key=_used, reverse=True)
    room = BOUND - _size(newest)
    for folder in folders:
        if folder != newest:
            room -= _size(folder)
            if room < 0:
                shutil.rmtree(folder, ignore_errors=True)


def _used(folder: Path) -> float:
    return folder.stat().st_mtime


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
