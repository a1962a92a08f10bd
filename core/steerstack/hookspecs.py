"""What a plugin may contribute: this file is the plugin manual.

A plugin is an importable module named by an entry point in the group ``steerstack``. It
defines any of the functions below, marked with :data:`hookimpl`, each returning classes (not
instances), and imports nothing heavy at its top::

    # pyproject.toml of the plugin
    [project.entry-points.steerstack]
    mine = "my_package.my_module"

    # my_package/my_module.py
    from steerstack import Extractor, hookimpl

    class Mine(Extractor):
        ...

    @hookimpl
    def steerstack_extractors():
        return [Mine]
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from steerstack.contracts import Baseline, BehaviorSource, DataFormat, Extractor
    from steerstack.events import Recorder

PROJECT = "steerstack"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def steerstack_extractors() -> "Sequence[type[Extractor]]":
    """Classes that make a vector from contrast pairs. Since 0.1."""
    raise AssertionError("a specification is not called")


@hookspec
def steerstack_data_formats() -> "Sequence[type[DataFormat]]":
    """Classes that read a kind of data file. Since 0.1."""
    raise AssertionError("a specification is not called")


@hookspec
def steerstack_behaviors() -> "Sequence[type[BehaviorSource]]":
    """Classes that ship data sets of behaviours. Since 0.1."""
    raise AssertionError("a specification is not called")


@hookspec
def steerstack_baselines() -> "Sequence[type[Baseline]]":
    """Classes that train a model as a baseline. Since 0.1."""
    raise AssertionError("a specification is not called")


@hookspec
def steerstack_recorders() -> "Sequence[type[Recorder]]":
    """Classes that keep what a run produced (the registry is one). Since 0.1."""
    raise AssertionError("a specification is not called")
