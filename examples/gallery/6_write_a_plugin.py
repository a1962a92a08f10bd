"""
Write a plugin
==============

A method of your own is a class in an installed package. ``steerstack plugins new`` writes one with tests that pass.
"""

# %%
# A package
# ---------
# It is written into an empty folder, built, and installed beside this documentation rather than into it: on your
# machine ``pip install -e my-lab-steering`` is the whole of it.

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
environment = {**os.environ, "PYTHONPATH": str(folder / "installed"), "PYTHONWARNINGS": "ignore"}


def sh(command):
    """Run a command as in a terminal, and print what it prints."""
    words = [sys.executable if word == "python" else word for word in shlex.split(command)]
    process = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    print(f"$ {command}\n{process.stdout}{process.stderr if process.returncode else ''}")
    assert process.returncode == 0, process.stderr


sh("steerstack plugins new my-lab-steering")
sh("python -m pip install -q --no-deps --no-build-isolation --no-index --target installed ./my-lab-steering")

# %%
# The method
# ----------
# One class: a name, a paper, typed parameters, and what it fits. One function says what the package offers, and an
# entry point in ``pyproject.toml`` names the module.

print((folder / "my-lab-steering/src/my_lab_steering/__init__.py").read_text())
print((folder / "my-lab-steering/pyproject.toml").read_text())

# %%
# Its tests
# ---------
# A class that inherits :class:`steerstack.testing.ExtractorContract` brings every check: the method recovers a
# planted direction, its sign follows the labels, it does not depend on the order of pairs, and so on.

print((folder / "my-lab-steering/tests/test_my_lab_steering.py").read_text())
sh("python -m pytest -q -p no:cacheprovider my-lab-steering")

# %%
# Its use
# -------
# Installed, it goes by ``PACKAGE/NAME`` wherever a method is asked for, and a parameter by ``--set``.

sh("steerstack plugins show my-lab-steering/median-difference")
sh(
    "steerstack extract --data power-seeking --limit 16 --method my-lab-steering/median-difference --set strength=2 "
    "--out median.safetensors"
)
