"""The card of a stacking study's vector: whatever the study saw of its failures stands there, and nothing else does."""

from dataclasses import replace

from steerstack.stats.estimate import Estimate
from steerstack.study.stack.card import arm_failures, interaction_failures
from steerstack.study.stack.grid import Cell, GridArm, Interaction, Pairing

GOOD, NONE, BAD = Estimate(0.3, 0.2, 0.4, 20), Estimate(0.1, -0.1, 0.3, 20), Estimate(-0.3, -0.4, -0.2, 20)
PROMPT = Pairing(("vector", "prompt"), "positive")


def arm(vector, effect, against=0.0, prompt="none"):
    share = None if vector == "none" else Estimate(against, 0.0, 0.5, 20)
    return GridArm(Cell(prompt, vector), 4, GOOD, GOOD, effect, share)


def meeting(pairing=PROMPT, verdict="adds up", on_top=GOOD, **more):
    whole = Interaction(
        pairing, "log-odds", verdict, 0.25, NONE, 0.01, 0.01, GOOD, GOOD, GOOD, on_top, GOOD,
        near_ceiling=False, n_to_resolve=None,
    )  # fmt: skip
    return replace(whole, **more)


def test_a_vector_without_fault_has_none():
    assert not list(arm_failures([arm("none", NONE), arm("positive", GOOD), arm("negative", BAD)]))
    assert not list(interaction_failures([meeting(), meeting(replace(PROMPT, direction="negative"), on_top=BAD)]))


def test_every_fault_of_an_arm_is_named():
    arms = [
        arm("none", NONE),
        arm("positive", GOOD, 0.25),
        arm("negative", NONE),
        arm("positive", BAD, prompt="positive"),
    ]
    assert [line.split(":")[0] for line in arm_failures(arms)] == [
        "Added with a positive sign it moves 25% of the items the wrong way [0%, 50%]",
        "With a negative sign its effect cannot be told apart from none",
    ]


def test_every_fault_on_top_of_something_is_named():
    tuned = Pairing(("vector", "lora-sft"), "positive", "refitted")
    lines = interaction_failures([
        meeting(verdict="redundant"), meeting(tuned, on_top=NONE), meeting(verdict="interferes", scale="probability"),
        meeting(near_ceiling=True), meeting(Pairing(("prompt", "lora-sft"), "positive"), "redundant"),
    ])  # fmt: skip
    assert [line.split(":")[0] for line in lines] == [
        "On top of a positive prompt it is redundant",
        "On top of a positive lora-sft (refitted) its effect cannot be told apart from none",
        "On top of a positive prompt the answers are near certainty, so that little is left to gain",
    ]
