"""What is given as a model, looked at before it is loaded: its kind, the device, what it needs."""

import os
from pathlib import Path
from typing import Any

import torch

from steerstack.errors import ModelError, first_line
from steerstack.util.guard import read_json

_PACKAGES = {
    "gptq": "optimum gptqmodel", "awq": "gptqmodel", "bitsandbytes": "bitsandbytes", "aqlm": "aqlm", "hqq": "hqq",
    "compressed-tensors": "compressed-tensors", "quanto": "optimum-quanto", "torchao": "torchao", "eetq": "eetq",
    "fbgemm_fp8": "fbgemm-gpu", "higgs": "flute-kernel", "vptq": "vptq", "auto-round": "auto-round", "mxfp4": "kernels",
}  # fmt: skip
"""Methods of quantization as configs name them, and the packages that load them."""


def check_device(device: str | None) -> None:
    """Refuse a device that this machine does not have; names of device maps pass.

    Raises
    ------
    ModelError
        There is no such device here.
    """
    if device is None:
        return
    kind, _, index = device.partition(":")
    backend: Any = {"cuda": torch.cuda, "xpu": torch.xpu, "mps": torch.backends.mps}.get(kind)
    if backend is None:
        if index or (kind != "cpu" and kind not in ("auto", "balanced", "balanced_low_0", "sequential", "meta")):
            names = "cpu, cuda, cuda:1, mps, xpu, or the device maps auto, balanced, sequential"
            raise ModelError(f"There is no device {device!r}.", fix=f"Known: {names}.")
        return
    count = backend.device_count() if hasattr(backend, "device_count") and backend.is_available() else 0
    if not backend.is_available():
        built = f"this build of torch is {torch.__version__}"
        raise ModelError(
            f"There is no device {device!r} on this machine.",
            seen=f"{kind} is not available; {built}",
            fix="Use --device cpu, or leave it out; for a GPU install its driver and a torch that is built for it.",
        )
    if index and not (index.isdecimal() and int(index) < max(count, 1)):
        raise ModelError(
            f"There is no device {device!r} on this machine.", seen=f"{count} of {kind}", fix=f"Use {kind}:0."
        )


def check_source(source: str) -> None:
    """Refuse what is no model by itself: an adapter, a file that is no GGUF, a folder without a config.

    Raises
    ------
    ModelError
        It is one of those.
    """
    path = Path(source)
    if os.path.isdir(path) and (path / "adapter_config.json").is_file() and not (path / "config.json").is_file():
        raise ModelError(
            f"{source} is an adapter, not a model.",
            seen=f"adapter_config.json of base model {_base(path)}, and no config.json",
            fix="Give its base as --model, and the adapter as a fine-tune (`steerstack stack --finetune FOLDER`), "
            "or merge them with peft (merge_and_unload), save that, and give it as --model.",
        )
    if os.path.exists(path) and not path.is_dir():
        with path.open("rb") if path.is_file() else open("/dev/null", "rb") as file:
            start = file.read(4)
        if start != b"GGUF" or path.suffix != ".gguf":
            raise ModelError(
                f"{source} is no model.",
                seen=f"{'a file' if path.is_file() else 'no plain file'} that begins with {start!r}",
                fix="Give a folder with config.json, weights and tokenizer, a GGUF file (.gguf), or an id of the hub.",
            )


def _base(folder: Path) -> str:
    try:
        config = read_json(folder / "adapter_config.json", ModelError)
    except ModelError:
        return "unknown"
    return str(config.get("base_model_name_or_path"))[:100]


def quantized_by(source: str) -> tuple[str, str]:
    """The method by which a config says that weights are quantized, and its package; empty where unknown."""
    try:
        config = read_json(Path(source) / "config.json", ModelError)
        method = str(config["quantization_config"]["quant_method"])
    except (ModelError, KeyError, TypeError):
        return "", ""
    return method, _PACKAGES.get(method, "")


def too_large(source: str, error: BaseException) -> ModelError:
    """The error for a model that does not fit, with what would."""
    files = list(Path(source).glob("*.safetensors")) if os.path.isdir(source) else []
    size = sum(file.stat().st_size for file in files) / 1e9
    free = ", ".join(f"cuda:{i} {torch.cuda.mem_get_info(i)[0] / 1e9:.1f} GB" for i in range(torch.cuda.device_count()))
    bits = f" ({size:.1f} GB as stored; of 16 bits, about {size / 2:.1f} GB in 8bit and {size / 4:.1f} GB in 4bit)"
    return ModelError(
        f"The model {source!r} does not fit the device{bits if size else ''}.",
        seen=f"{first_line(error)[:160]}; free: {free or 'unknown'}",
        fix="Load it in fewer bits (--dtype bfloat16, 8bit, 4bit), spread it (--device auto), or use a smaller model.",
    )
