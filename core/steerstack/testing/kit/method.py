"""What every method has to do: cite its source, declare its parameters, cost nothing to import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from abc import abstractmethod
from functools import cache

from steerstack.contracts import Method
from steerstack.testing.kit.contract import Contract, check, require

HEAVY = ("torch", "numpy", "scipy", "sklearn", "pandas", "transformers", "nnsight", "mlflow", "datasets", "peft", "trl")
"""What the import of a plugin must not bring with it."""

HANGS = 600.0
"""Seconds after which an import is taken to hang; a slow disk may need a minute."""

_IMPORT = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(*[name for name in sys.argv[2:] if name in sys.modules])
"""


@cache
def imported_with(module: str) -> tuple[str, ...]:
    """Which of the heavy packages a fresh interpreter holds after importing a module."""
    command = [sys.executable, "-c", _IMPORT, module, *HEAVY]
    process = subprocess.run(command, capture_output=True, text=True, timeout=HANGS, check=False)
    require(process.returncode == 0, f"{module} cannot be imported on its own.", seen=process.stderr.strip()[-400:])
    return tuple(process.stdout.split())


class MethodContract(Contract):
    """Checks of any :class:`steerstack.contracts.Method`."""

    @property
    @abstractmethod
    def subject(self) -> Method:
        """The method that is checked."""

    @check
    def test_source(self) -> None:
        """``paper`` says where the method is from, and so does the docstring of the class."""
        cls = type(self.subject)
        text = " ".join((vars(cls).get("__doc__") or "").split())
        require(
            bool(cls.paper.strip()), f"{cls.__name__}.paper is empty.", fix='Say where it is from: "arXiv NNNN.NNNNN".'
        )
        numbers = re.findall(r"\d{4}\.\d{4,5}", cls.paper)
        # what has no number on arXiv is named by its own words, or by its authors and year
        named = any(n in text for n in numbers) or (
            not numbers and (cls.paper.lower() in text.lower() or re.search(r"\b(19|20)\d\d\b", text) is not None)
        )
        require(
            named,
            f"The docstring of {cls.__name__} does not name its source, {cls.paper}.",
            seen=text[:80] or "no docstring",
            fix="Say what it computes, and the paper and equation that it is from.",
        )

    @check
    def test_parameters(self) -> None:
        """Every parameter is described, and the record of them makes the same method again."""
        method = self.subject
        bare = [row["name"] for row in type(method).describe() if not row["description"]]
        require(not bare, f"Parameters without a description: {', '.join(bare)}.", fix="Field(..., description=...)")
        stored = json.loads(json.dumps(method.parameters()))
        again = type(method).make(stored)
        require(again == method, "The stored parameters do not make the same method again.", seen=stored)

    @check
    def test_light_import(self) -> None:
        """Importing the plugin's module imports nothing heavy: every plugin is imported at each start."""
        module = type(self.subject).__module__
        heavy = imported_with(module)
        require(
            not heavy,
            f"Importing {module} imports {', '.join(heavy)}.",
            fix="Import them inside the functions that need them, and types under TYPE_CHECKING.",
        )
