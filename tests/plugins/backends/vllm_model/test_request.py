"""What is kept under which salt, and how many rows a request must have edited."""

import torch

from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack_plugins.backends.vllm_model.request import Placement

SHORT = TokenSequence(tuple(range(8)), 5, 8)
LONG = TokenSequence(tuple(range(12)), 5, 12)


def plan(region, scale=1.0):
    return Plan((Add(Site("resid_post", 1), torch.ones(4), scale, selection=Tokens(region)),))


def placed(of, sequence, new=0):
    return Placement([of]).request("a request", sequence, of, new)


def test_unsteered_texts_share_keys_and_a_plan_has_its_own():
    assert placed(Plan(), SHORT).salt is None
    assert len({placed(plan("all", scale), SHORT).salt for scale in (1.0, 2.0)}) == 2
    assert placed(plan("all"), SHORT).salt == placed(plan("all"), SHORT).salt


def test_a_selection_that_ends_elsewhere_in_a_longer_text_does_not_share():
    for region in ("all", "last", "response"):
        assert placed(plan(region), SHORT).salt != placed(plan(region), LONG).salt
    assert placed(plan("prompt"), SHORT).salt == placed(plan("prompt"), LONG).salt  # the same five positions


def test_rows_from_the_cache_are_not_expected_and_the_last_generated_token_is_not_run():
    assert placed(plan("all"), SHORT).expected(cached=0, answer=1) == [8]
    assert placed(plan("all"), SHORT, new=6).expected(cached=0, answer=6) == [8 + 5]
    assert placed(plan("all"), SHORT, new=6).expected(cached=3, answer=1) == [5]
    assert placed(plan("prompt"), SHORT, new=6).expected(cached=3, answer=6) == [2]
    assert placed(plan("last"), SHORT, new=6).expected(cached=0, answer=6) == [1]


def test_generated_tokens_are_touched_where_the_selection_goes_on():
    (goes_on,), (ends,) = placed(plan("response"), SHORT, new=4).edits, placed(plan("prompt"), SHORT, new=4).edits
    assert [goes_on.touches(at) for at in (4, 5, 7, 8, 11)] == [False, True, True, True, True]
    assert [ends.touches(at) for at in (4, 5, 8)] == [True, False, False]
