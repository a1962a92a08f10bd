"""steerstack: what a steering vector improves, by how much, and whether it stacks.

The public names below are loaded when they are first used, so that importing the package,
or a plugin of it, costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from steerstack.hookspecs import hookimpl

if TYPE_CHECKING:
    from steerstack.applying import apply as apply
    from steerstack.catalog import load_data as load_data
    from steerstack.contracts import Baseline as Baseline
    from steerstack.contracts import DataFormat as DataFormat
    from steerstack.contracts import Edit as Edit
    from steerstack.contracts import Extractor as Extractor
    from steerstack.contracts import Metric as Metric
    from steerstack.contracts import Probe as Probe
    from steerstack.data import DataSet as DataSet
    from steerstack.data import Item as Item
    from steerstack.edits import Ablate as Ablate
    from steerstack.edits import Add as Add
    from steerstack.edits import Clamp as Clamp
    from steerstack.edits import Project as Project
    from steerstack.engine.generate import generate as generate
    from steerstack.errors import SteerstackError as SteerstackError
    from steerstack.extraction import extract as extract
    from steerstack.intervention import Intervention as Intervention
    from steerstack.intervention import Plan as Plan
    from steerstack.recording import load_vector as load_vector
    from steerstack.site import Site as Site
    from steerstack.splits import split as split
    from steerstack.study.evaluate import evaluate as evaluate
    from steerstack.tokens import Tokens as Tokens
    from steerstack.trace.open import open_model as open_model
    from steerstack.vector import SteeringVector as SteeringVector

__version__ = "0.1.0"

_HOMES = {
    "Ablate": "edits",
    "Add": "edits",
    "apply": "applying",
    "Baseline": "contracts",
    "Clamp": "edits",
    "DataFormat": "contracts",
    "DataSet": "data",
    "Edit": "contracts",
    "Extractor": "contracts",
    "Intervention": "intervention",
    "Item": "data",
    "Metric": "contracts",
    "Plan": "intervention",
    "Probe": "contracts",
    "Project": "edits",
    "Site": "site",
    "SteeringVector": "vector",
    "SteerstackError": "errors",
    "Tokens": "tokens",
    "evaluate": "study.evaluate",
    "extract": "extraction",
    "generate": "engine.generate",
    "load_data": "catalog",
    "load_vector": "recording",
    "open_model": "trace.open",
    "split": "splits",
}

__all__ = ["__version__", "hookimpl", *_HOMES]  # names of strings


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'steerstack' has no attribute {name!r}")
    return getattr(importlib.import_module(f"steerstack.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
