"""What a plugin may contribute: this file is the plugin manual.

A plugin is an importable module named by an entry point in the group ``steerstack``. It
defines any of the functions below, marked with :data:`hookimpl`, each returning classes (not
instances) of the kinds in :mod:`steerstack.contracts`::

    # pyproject.toml of the plugin
    [project.entry-points.steerstack]
    mine = "my_package.my_module"

    # my_package/my_module.py
    from steerstack import Extractor, hookimpl

    class Mine(Extractor):
        '''What it computes. Source: paper, equation.'''

        name = "mine"
        strength: float = 1.0          # a parameter: --set strength=2

        def fit(self, pairs):
            total = sum((batch.positive - batch.negative).sum(0) for batch in pairs)
            return dict(zip(pairs.layers, self.strength * total / len(pairs)))

    @hookimpl
    def steerstack_extractors():
        return [Mine]

It is then asked for as ``my-package/mine`` (ours need no prefix): ``steerstack extract
--method my-package/mine``. Import torch inside the functions that need it: every plugin is
imported whenever steerstack looks for one. A plugin that fails to import is named with its
cause by ``steerstack plugins list``, and all others work. ``steerstack plugins new NAME``
writes a package like this one, with tests from :mod:`steerstack.testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from steerstack.contracts import (
        Auditor,
        AuditTest,
        Backend,
        Baseline,
        BehaviorSource,
        DataFormat,
        Edit,
        Engine,
        Extractor,
        Judge,
        Labeller,
        Listener,
        Metric,
        Organism,
        Probe,
        Reward,
        VectorFormat,
    )
    from steerstack.contracts.recorder import Recorder
    from steerstack.study.study import Study

PROJECT = "steerstack"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def steerstack_extractors() -> Sequence[type[Extractor]]:
    """Return classes that make a vector from contrast pairs. Since 0.1."""


@hookspec
def steerstack_edits() -> Sequence[type[Edit]]:
    """Return classes that turn a vector into a plan: other ways to act on activations. Since 0.1."""


@hookspec
def steerstack_metrics() -> Sequence[type[Metric]]:
    """Return classes that measure a model under several plans, item by item. Since 0.1."""


@hookspec
def steerstack_probes() -> Sequence[type[Probe]]:
    """Return classes that learn to read activations. Since 0.1."""


@hookspec
def steerstack_organisms() -> Sequence[type[Organism]]:
    """Return classes that make a model sandbag on purpose, or an honest control of one. Since 0.1."""


@hookspec
def steerstack_auditors() -> Sequence[type[Auditor]]:
    """Return classes that judge whether a model hides an ability. Since 0.2."""


@hookspec
def steerstack_audit_tests() -> Sequence[type[AuditTest]]:
    """Return classes that look for one kind of evidence that a model hides an ability. Since 0.2."""


@hookspec
def steerstack_baselines() -> Sequence[type[Baseline]]:
    """Return classes that train a model as a baseline. Since 0.1."""


@hookspec
def steerstack_studies() -> Sequence[type[Study]]:
    """Return classes that declare and perform a kind of study: its YAML form, command, page and record. Since 0.2."""


@hookspec
def steerstack_behaviors() -> Sequence[type[BehaviorSource]]:
    """Return classes that ship data sets of behaviours (kind ``dataset``). Since 0.1."""


@hookspec
def steerstack_judges() -> Sequence[type[Judge]]:
    """Return classes that score free answers. Since 0.1."""


@hookspec
def steerstack_labellers() -> Sequence[type[Labeller]]:
    """Return classes that label items and err in a way of their own. Since 0.2."""


@hookspec
def steerstack_rewards() -> Sequence[type[Reward]]:
    """Return classes that say how good a sampled answer is, for online learning. Since 0.2."""


@hookspec
def steerstack_data_formats() -> Sequence[type[DataFormat]]:
    """Return classes that read a kind of data file (kind ``format``). Since 0.1."""


@hookspec
def steerstack_vector_formats() -> Sequence[type[VectorFormat]]:
    """Return classes that read and write vectors of other tools (kind ``format``). Since 0.1."""


@hookspec
def steerstack_backends() -> Sequence[type[Backend]]:
    """Return classes that open a model in another way, for cross-checks. Since 0.1."""


@hookspec
def steerstack_engines() -> Sequence[type[Engine]]:
    """Return classes that start worker processes for the steps of a study (``--engine``). Since 0.1."""


@hookspec
def steerstack_commands() -> Mapping[str, Callable[..., Any]]:
    """Return commands of the command line by name: functions with typer options, or typer apps. Since 0.1."""


@hookspec
def steerstack_listeners() -> Sequence[type[Listener]]:
    """Return classes that are told of a study's events while it runs. Since 0.1."""


@hookspec
def steerstack_recorders() -> Sequence[type[Recorder]]:
    """Return classes that keep what a run produced (the registry is one). Since 0.1."""
