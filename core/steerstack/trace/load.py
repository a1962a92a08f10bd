"""Load a model and its tokenizer by transformers, with errors that say what to do."""

import importlib.util
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from steerstack.errors import ModelError, SteerstackError, first_line, nearest
from steerstack.trace.embedded_model import EMBEDDED, embedded_model
from steerstack.trace.source.gguf import converted
from steerstack.trace.source.kinds import check_device, check_source, quantized_by, too_large
from steerstack.util.gguf_header import check_header

log = logging.getLogger("steerstack")

DeviceMap = str | Mapping[str, int | str | torch.device]
"""What transformers takes as ``device_map``: auto, balanced, ..., or from module to device."""

PLACES = ("cpu", "cuda", "mps", "xpu")
"""Devices that a whole model is moved to; any other word is a device map."""


def _bitsandbytes(bits: int) -> Any:
    from transformers import BitsAndBytesConfig

    if bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    compute = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=compute)


QUANTIZATIONS: dict[str, Callable[[], Any]] = {
    "8bit": lambda: _bitsandbytes(8),  # LLM.int8(), arXiv 2208.07339
    "4bit": lambda: _bitsandbytes(4),  # NF4, arXiv 2305.14314
}
"""Quantizations that go by a name, both of bitsandbytes, to their configs."""


def dtype_named(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """The dtype of a name, None for that of the weights; raises ModelError."""
    if dtype is None or isinstance(dtype, torch.dtype):
        return dtype
    precision = getattr(torch, dtype, None)
    if not isinstance(precision, torch.dtype) or not precision.is_floating_point:
        names = ("float32", "bfloat16", "float16", *QUANTIZATIONS)
        raise ModelError(f"There is no dtype {dtype!r} for weights.", fix=f"Use one of {', '.join(names)}.")
    return precision


def quantization_named(quantization: str | Any | None) -> Any | None:
    """The quantization config of a name; a config of transformers as it is.

    Raises
    ------
    ModelError
        The name is unknown, or bitsandbytes is missing.
    """
    if not isinstance(quantization, str):
        return quantization
    if quantization not in QUANTIZATIONS:
        raise ModelError(f"There is no quantization {quantization!r}.", fix=nearest(quantization, QUANTIZATIONS))
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError(
            f"Loading in {quantization} needs bitsandbytes, which is not installed.",
            fix="pip install bitsandbytes, or load in bfloat16 (--dtype bfloat16).",
        )
    return QUANTIZATIONS[quantization]()


def is_embedded(source: str) -> bool:
    """Whether a source is the embedded model: by its alias, or by its name in full, as results have it."""
    return source == EMBEDDED.alias or (source == EMBEDDED.name and not os.path.exists(source))


def load_pretrained(
    source: str,
    *,
    revision: str | None,
    dtype: torch.dtype | None,
    device: str | None,
    tokenizer: Any,
    device_map: DeviceMap | None = None,
    quantization: str | Any | None = None,
) -> tuple[nn.Module, Any]:
    """Load a model and its tokenizer by transformers: the embedded one, or one by folder or Hugging Face id.

    Raises
    ------
    ModelError
        There is no such model, here or on the hub; it does not fit; or both a device and a device map are given.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if is_embedded(source):
        source = str(embedded_model())
    check_device(device)
    check_source(source)
    config = quantization_named(quantization)
    whole = device if device and device.split(":")[0] in PLACES else None
    if device_map is not None and device:
        raise ModelError("A device and a device map exclude each other.", seen=f"{device} and {device_map}")
    placed = device_map if device_map is not None else None if whole else device
    if config is not None and whole:
        placed, whole = {"": whole}, None  # quantized weights are made where they are to be, and cannot be moved
    options: dict[str, Any] = {"revision": revision} if revision else {}
    settings = {"device_map": placed, "quantization_config": config}
    more = {name: value for name, value in settings.items() if value is not None}
    shown = source
    try:
        if source.endswith(".gguf"):  # the one file is weights, config and tokenizer
            source, options = _converted(Path(source))
        if tokenizer is None:
            tokenizer = AutoTokenizer.from_pretrained(source, **options)
        module = AutoModelForCausalLM.from_pretrained(source, dtype=dtype or "auto", **more, **options)
        if whole:
            module.to(whole)
    except torch.OutOfMemoryError as error:
        raise too_large(source, error) from error
    except ImportError as error:
        raise _package_missing(source, error) from error
    except SteerstackError:
        raise
    except Exception as error:  # what a folder or a file that is no model raises is transformers' secret
        raise _not_loaded(shown, error, more) from error
    return module, tokenizer


def _converted(file: Path) -> tuple[str, dict[str, object]]:
    """A GGUF file as transformers is to load it: its kept conversion, or the file itself where none can be kept."""
    try:
        return str(converted(file)), {}
    except OSError as error:  # the cache is full, or not ours to write; or the file is no model, as will be seen
        log.info("The conversion of %s is not kept: %s", file, first_line(error))
        check_header(file)
        return str(file.parent), {"gguf_file": file.name}


def _package_missing(source: str, error: ImportError) -> ModelError:
    method, package = quantized_by(source)
    by = f": its weights are quantized by {method}." if method else "."
    named = package or getattr(error, "name", None) or "the package that it names"
    return ModelError(
        f"The model {source!r} needs a package that is not installed{by}",
        seen=" ".join(str(error).split())[:200],
        fix=f"pip install {named}" + (", or use the model as it was before it was quantized." if method else "."),
    )


def _not_loaded(source: str, error: Exception, placing: Mapping[str, Any]) -> ModelError:
    evidence = first_line(error)
    if placing and os.path.exists(Path(source, "config.json")):
        return ModelError(
            f"The model {source!r} could not be loaded as asked.",
            seen=evidence,
            fix=f"Check {' and '.join(placing)}; without them it is loaded as it is stored.",
        )
    return ModelError(
        f"The model {source!r} could not be loaded.",
        seen=evidence,
        fix="The folder must hold config.json, safetensors weights and a tokenizer."
        if os.path.exists(source)
        else "Give a folder, a Hugging Face id (with network), or 'smollm2' for the embedded one.",
    )
