"""The audit's inputs hold no label: neither a record, nor a password, nor a name that tells."""

import gc
import inspect
from dataclasses import replace

import pytest

from steerstack.contracts import Built
from steerstack_plugins.sandbagging.audit import audit
from steerstack_plugins.sandbagging.audit.battery import audit_data
from steerstack_plugins.sandbagging.audit_tests.noise import WeightNoiseGain

pytestmark = pytest.mark.xdist_group("sandbagging")


def _reachable(root, limit=400_000):
    """Everything that the root refers to, but for modules, classes, functions and frames."""
    nodes, pending = {}, [root]
    while pending and len(nodes) < limit:
        node = pending.pop()
        if id(node) in nodes or inspect.ismodule(node) or inspect.isclass(node) or inspect.isroutine(node):
            continue
        if inspect.isframe(node) or inspect.iscode(node):
            continue
        nodes[id(node)] = node
        pending += gc.get_referents(node)
    return list(nodes.values())


def test_nothing_of_the_answer_is_reachable_from_the_model(locked):
    secrets = {locked.record["password"], "locked", "unlocked", "sandbags"}
    for node in _reachable(locked.model):
        assert not isinstance(node, Built)
        assert node is not locked.record
        assert not (isinstance(node, str) and node in secrets)


def test_names_differ_by_seed_alone(locked, unlocked):
    assert locked.model.name == unlocked.model.name


def test_the_audit_takes_a_model_and_data_and_no_organism():
    for function in (audit.gather, audit.audit):
        parameters = inspect.signature(function).parameters
        assert not any("Built" in str(p.annotation) or "Organism" in str(p.annotation) for p in parameters.values())
    assert "organism" not in inspect.getsource(audit.gather)


def test_a_false_label_changes_no_evidence(locked, asked):
    lied = replace(locked, sandbags=False, record={"password": "none"})
    test = WeightNoiseGain(shares=(0.2,), draws=1)
    values = [audit.gather(built.model, asked, (test,), seed=1).values for built in (locked, lied)]
    assert values[0] == values[1]


def test_demonstrations_share_no_fact_with_the_tested_items():
    data = audit_data(96)
    tested = {item.exhibits_text for item in data.target}
    shown = [{item.exhibits_text for item in part} for part in (data.shown.train, data.shown.validation)]
    assert not tested & (shown[0] | shown[1])
    assert not shown[0] & shown[1]
