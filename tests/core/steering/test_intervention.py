"""Plans compose, and their fingerprints tell what differs."""

import json
from dataclasses import FrozenInstanceError

import pytest
import torch
from hypothesis import given, settings
from tests.strategies import edits, plans

from steerstack.errors import ArgumentError
from steerstack.steering.edits import Ablate, Add, Clamp, Project
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens

torch.set_num_threads(1)
SITE, D = Site("resid_post", 1), torch.tensor([1.0, 2.0, 3.0])
quick = settings(deadline=None, max_examples=40)


@quick
@given(plans(), plans(), plans())
def test_composition_is_associative(a, b, c):
    left, right = (a >> b) >> c, a >> (b >> c)
    assert left.edits == right.edits == a.edits + b.edits + c.edits
    assert left.fingerprint == right.fingerprint


@quick
@given(plans())
def test_the_empty_plan_is_the_identity(plan):
    assert (Plan() >> plan).edits == (plan >> Plan()).edits == plan.edits
    assert (Plan() >> plan).fingerprint == plan.fingerprint
    assert (len(Plan()), Plan().sites, list(Plan())) == (0, (), [])


@quick
@given(edits(), edits(), plans())
def test_single_edits_compose_as_plans_of_one(a, b, plan):
    assert (a >> b).edits == (a, b)
    assert (a >> plan).edits == (a, *plan.edits)
    assert (plan >> a).edits == (*plan.edits, a)
    assert list(a >> b) == [a, b]
    assert len(a >> plan) == 1 + len(plan)


@quick
@given(plans())
def test_sites_are_unique_and_in_forward_order(plan):
    order = [site.order for site in plan.sites]
    assert order == sorted(set(order))
    assert set(plan.sites) == {edit.site for edit in plan}


def test_sites_of_a_plan_written_backwards():
    places = [Site("resid_pre", 2), Site("resid_post", 1), Site("attn_out", 1), Site("resid_post", 1)]
    assert Plan(tuple(Add(site, D) for site in places)).sites == (places[2], places[1], places[0])


@quick
@given(plans())
def test_descriptions_are_json(plan):
    assert json.loads(json.dumps(plan.describe(), allow_nan=False)) == [
        json.loads(json.dumps(edit.describe())) for edit in plan
    ]


def kinds():
    """Each edit, and changes that each make another edit of it."""
    two = torch.stack([D, D.roll(1)])
    everywhere = {"site": Site("resid_post", 2), "selection": Tokens("all")}
    shared = [("site", Site("mlp_out", 1)), *everywhere.items(), ("selection", Tokens.at(0))]
    mean = {"direction": None, "kind": "mean", "reference": D}
    return [
        (Add, {"direction": D, "scale": 1.5}, [*shared, ("direction", D + 1e-4), ("scale", 1.25), ("relative", True)]),
        (Ablate, {"direction": D}, [*shared, ("direction", -D), ("direction", two), ("strength", 0.5)]),
        (Ablate, mean, [*shared, ("reference", D * 2), ("direction", D), ("strength", 0.5)]),
        (Project, {"direction": two}, [*shared, ("direction", two.flip(0)), ("direction", D)]),
        (Clamp, {"direction": D, "low": 0.0, "high": 1.0}, [*shared, ("low", -1.0), ("high", 2.0), ("direction", -D)]),
    ]


@pytest.mark.parametrize(("kind", "arguments", "changes"), kinds())
def test_the_fingerprint_follows_content_and_nothing_else(kind, arguments, changes):
    def make(given):
        copies = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in given.items()}
        return kind(**copies)

    first = {"site": SITE, "selection": Tokens("response"), **arguments}
    assert make(first).fingerprint == make(first).fingerprint
    assert (make(first) >> Plan()).fingerprint == Plan((make(first),)).fingerprint
    prints = [make({**first, **dict([change])}).fingerprint for change in changes]
    assert len({make(first).fingerprint, *prints}) == 1 + len(changes)


def test_the_kind_of_edit_is_part_of_the_fingerprint():
    assert Ablate(SITE, D).fingerprint != Project(SITE, D).fingerprint


def test_the_order_of_edits_is_part_of_the_fingerprint():
    a, b = Add(SITE, D), Ablate(SITE, D)
    assert (a >> b).fingerprint != (b >> a).fingerprint
    assert (a >> a).fingerprint != Plan((a,)).fingerprint


def test_a_strided_view_has_the_fingerprint_of_its_copy():
    view = torch.stack([D, -D], dim=1)[:, 0]
    assert not view.is_contiguous()
    assert Add(SITE, view).fingerprint == Add(SITE, D).fingerprint


def test_a_whole_number_as_scale_has_the_fingerprint_of_the_equal_float():
    assert Add(SITE, D, 2).fingerprint == Add(SITE, D, 2.0).fingerprint


def test_edits_and_plans_are_frozen():
    edit = Add(SITE, D)
    with pytest.raises(FrozenInstanceError):
        edit.scale = 2.0
    with pytest.raises(FrozenInstanceError):
        Plan().edits = (edit,)


def test_on_gives_the_same_edit_on_other_tokens():
    edit = Add(SITE, D, 2.0)
    moved = edit.on(Tokens("all"))
    assert (edit.tokens, moved.tokens) == (Tokens("response"), Tokens("all"))
    assert moved.fingerprint == Add(SITE, D, 2.0, selection=Tokens("all")).fingerprint


def test_width_is_that_of_the_tensors():
    assert Add(SITE, D).width == 3
    assert Project(SITE, torch.eye(5)[:2]).width == 5
    assert Ablate(SITE, None, "mean", D).width == 3
    assert Ablate(SITE, None, "zero").width is None


@quick
@given(plans(), plans(), plans())
def test_together_has_no_order(a, b, c):
    """``+`` is associative and commutative, also in the fingerprint, or refuses on both sides."""

    def joined(*parts):
        try:
            total = parts[0]
            for part in parts[1:]:
                total = total + part
        except ArgumentError:
            return None
        return total.fingerprint

    assert joined(a, b) == joined(b, a)
    every = {joined(*order) for order in ((a, b, c), (c, b, a), (b, a, c))}
    assert len(every) == 1
    if None not in every:
        assert (a + (b + c)).fingerprint in every


def test_together_is_refused_where_the_order_matters():
    add, ablate, elsewhere = Add(SITE, D), Ablate(SITE, D), Ablate(Site("resid_post", 2), D)
    assert (add + Add(SITE, 2 * D)).fingerprint == (Add(SITE, 2 * D) + add).fingerprint
    assert [type(edit) for edit in elsewhere + add] == [Add, Ablate]  # in the order of the forward pass
    for other in (ablate, Add(SITE, D, relative=True), Clamp(SITE, D, 0.0, 1.0)):
        with pytest.raises(ArgumentError, match=r"order(.|\n)*a >> b"):
            add + other
        assert len(add >> other) == 2


@pytest.mark.parametrize("wrong", ["ablate", 2, None, D])
def test_what_is_no_edit_is_not_joined(wrong):
    for join in (lambda a: a + wrong, lambda a: a >> wrong):
        for what in (Add(SITE, D), Plan()):
            with pytest.raises(ArgumentError, match=r"vector\.at"):
                join(what)


@quick
@given(plans())
def test_a_plan_is_one_line_and_a_table(plan):
    assert "\n" not in repr(plan)
    assert len(repr(plan)) < 200
    assert plan._repr_html_().count("<tr>") == (len(plan) + 1 if len(plan) else 0)
    for edit in plan:
        assert str(edit.site) in repr(edit)
        assert len(repr(edit)) < 200
        assert "tensor" not in repr(edit)
