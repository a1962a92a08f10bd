"""A vector against sandbagging beside fine-tuning, and a probe on models that were changed."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from steerstack.data.prompts import Prompt
from steerstack.measure.arm import Arm
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.study.stack.grid import Cell
from steerstack_plugins.baselines.full_sft import FullSFT
from steerstack_plugins.probes.linear import LogisticProbe
from steerstack_plugins.sandbagging.audit.choices import Way
from steerstack_plugins.sandbagging.audit.probe_transfer import GivenPairs, decision_activations
from steerstack_plugins.sandbagging.commands.combine import probe_under, splits_of, stack_on
from steerstack_plugins.sandbagging.small_world import world as worlds

pytestmark = pytest.mark.xdist_group("sandbagging")


def _plan(model, layer=0, scale=3.0):
    direction = torch.randn(model.d_model, generator=torch.Generator().manual_seed(0))
    return Plan((Add(Site("resid_post", layer), direction, scale, selection=Tokens("last")),))


def test_activations_under_a_plan_are_those_of_a_plain_run_with_a_hook(origin, asked):
    plan, items = _plan(origin), asked.target[:5]
    activations = decision_activations(origin, items, plan=plan)
    for row, item in enumerate(items):
        ids = torch.tensor([origin.format.sequence(Prompt(item.listed(), None, "(")).ids])

        def add(_module, _args, output):
            hidden = output[0] if isinstance(output, tuple) else output
            hidden = hidden.clone()
            hidden[0, -1] += 3.0 * plan.edits[0].direction
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        hook = origin.module.model.layers[0].register_forward_hook(add)
        with torch.no_grad():
            hidden = origin.module(ids, output_hidden_states=True).hidden_states
        hook.remove()
        assert torch.allclose(activations[row, 1], hidden[2][0, -1], atol=1e-4)


def test_the_probe_has_the_auroc_of_scikit_learn_under_each_condition(origin, locked, asked):
    shown, systems = asked.shown.train + asked.shown.validation, (worlds.CARELESS, worlds.CAREFUL)
    conditions = [
        Arm(origin, label="as it is"),
        Arm(origin, _plan(origin), label="steered"),
        Arm(locked.model, label="x"),
    ]
    rows = probe_under(origin, conditions, asked.shown.train, shown, asked.target)
    learned = torch.stack([decision_activations(origin, asked.shown.train, system=s) for s in systems])
    from steerstack.contracts import PairBatch

    for row, arm in zip(rows, conditions, strict=True):
        plan = arm.plan
        sides = [decision_activations(arm.model, asked.target, system=s, plan=plan) for s in systems]
        layer = row["layer"]
        fitted = LogisticProbe().fit(GivenPairs(PairBatch(*learned.float()), range(3)).only(layer))
        scores = np.concatenate([fitted.score(side.float()[:, [layer]]) for side in sides])
        labels = np.repeat([1, 0], len(asked.target))
        assert row["auroc"]["value"] == pytest.approx(roc_auc_score(labels, scores))
        right = [Way(arm.model, plan=plan, system=s).ask(asked.target).right.mean() for s in systems]
        assert list(row["accuracy"].values()) == pytest.approx(right)
        assert row["two_sides"] == (right[1] - right[0] >= 0.2)


def test_a_vector_is_stacked_with_fine_tuning_on_a_locked_model(locked, asked, tmp_path):
    parts = splits_of(asked)
    facts = [
        {item.exhibits_text for item in part} for part in (asked.shown.train, asked.shown.validation, asked.target)
    ]
    assert not (facts[0] & facts[1] | facts[0] & facts[2] | facts[1] & facts[2])
    tune = FullSFT(epochs=12, batch=4, learning_rate=3e-3)
    result = stack_on(locked.model, asked, tune, folder=tmp_path)
    assert result.splits.digests == parts.digests
    bare, tuned = result.grid[Cell("none", "none")], result.grid[Cell("none", "none", "full-sft")]
    assert len(bare.log_odds) == len(asked.target)
    assert (
        tuned.log_odds.mean() > bare.log_odds.mean() + 0.5
    )  # per token; fine-tuning on other facts brings right answers back
    assert {cell.vector for cell in result.grid} == {"none", "positive", "negative"}
