"""steerstack: what a steering vector improves, by how much, and whether it stacks.

The public names below are loaded when they are first used, so that importing the package,
or a plugin of it, costs nothing.
"""

import difflib
import importlib
from typing import TYPE_CHECKING, Any

from steerstack.catalog.hookspecs import hookimpl

if TYPE_CHECKING:
    from steerstack.catalog.data import load_data as load_data
    from steerstack.catalog.lookup import find as find
    from steerstack.contracts import Baseline as Baseline
    from steerstack.contracts import DataFormat as DataFormat
    from steerstack.contracts import Edit as Edit
    from steerstack.contracts import Extractor as Extractor
    from steerstack.contracts import Metric as Metric
    from steerstack.contracts import Probe as Probe
    from steerstack.data.items import DataSet as DataSet
    from steerstack.data.items import Item as Item
    from steerstack.data.splits import split as split
    from steerstack.engine.decode.speak import generate as generate
    from steerstack.errors import SteerstackError as SteerstackError
    from steerstack.exchange.load_vector import load_vector as load_vector
    from steerstack.measure.arm import Arm as Arm
    from steerstack.measure.compare import difference as difference
    from steerstack.measure.compare import score as score
    from steerstack.measure.evaluate import evaluate as evaluate
    from steerstack.steering.edits import Ablate as Ablate
    from steerstack.steering.edits import Add as Add
    from steerstack.steering.edits import Clamp as Clamp
    from steerstack.steering.edits import Project as Project
    from steerstack.steering.intervention import Intervention as Intervention
    from steerstack.steering.intervention import Plan as Plan
    from steerstack.steering.site import Site as Site
    from steerstack.steering.tokens import Tokens as Tokens
    from steerstack.steering.vector import SteeringVector as SteeringVector
    from steerstack.study.efficiency.study import Efficiency as Efficiency
    from steerstack.study.frontier.study import Frontier as Frontier
    from steerstack.study.gates.study import Gates as Gates
    from steerstack.study.generalize.study import Generalize as Generalize
    from steerstack.study.label_errors.study import LabelErrors as LabelErrors
    from steerstack.study.online_rl.study import OnlineRL as OnlineRL
    from steerstack.study.prevention.study import Prevention as Prevention
    from steerstack.study.read_out.study import ReadOut as ReadOut
    from steerstack.study.stack.study import Stack as Stack
    from steerstack.study.study import Study as Study
    from steerstack.study.sweep.study import Sweep as Sweep
    from steerstack.study.sweep.study import sweep as sweep
    from steerstack.techniques.apply import apply as apply
    from steerstack.techniques.choose import choose as choose
    from steerstack.techniques.extract import extract as extract
    from steerstack.trace.open import open_model as open_model

__version__ = "0.1.0"

_LISTED = {
    "Ablate": "steering.edits",
    "Add": "steering.edits",
    "choose": "techniques.choose",
    "Clamp": "steering.edits",
    "DataSet": "data.items",
    "difference": "measure.compare",
    "Efficiency": "study.efficiency.study",
    "evaluate": "measure.evaluate",
    "extract": "techniques.extract",
    "Extractor": "contracts",
    "find": "catalog.lookup",
    "Frontier": "study.frontier.study",
    "Generalize": "study.generalize.study",
    "generate": "engine.decode.speak",
    "load_data": "catalog.data",
    "load_vector": "exchange.load_vector",
    "open_model": "trace.open",
    "Plan": "steering.intervention",
    "score": "measure.compare",
    "Site": "steering.site",
    "split": "data.splits",
    "Stack": "study.stack.study",
    "SteeringVector": "steering.vector",
    "SteerstackError": "errors",
    "Study": "study.study",
    "sweep": "study.sweep.study",
    "Sweep": "study.sweep.study",
    "Tokens": "steering.tokens",
}
"""Public names and their modules: what a notebook needs."""

_HOMES = {
    **_LISTED,
    "apply": "techniques.apply",
    "Arm": "measure.arm",
    "Baseline": "contracts",
    "DataFormat": "contracts",
    "Edit": "contracts",
    "Gates": "study.gates.study",
    "Intervention": "steering.intervention",
    "Item": "data.items",
    "LabelErrors": "study.label_errors.study",
    "Metric": "contracts",
    "OnlineRL": "study.online_rl.study",
    "Prevention": "study.prevention.study",
    "Probe": "contracts",
    "Project": "steering.edits",
    "ReadOut": "study.read_out.study",
}
"""All names that the package gives; the unlisted are for who writes plugins and edits, or asks a rarer question."""

__all__ = ["__version__", "hookimpl", *_LISTED]  # names of strings


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        close = difflib.get_close_matches(name, _HOMES, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise AttributeError(f"module 'steerstack' has no attribute {name!r}{hint}")
    return getattr(importlib.import_module(f"steerstack.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
