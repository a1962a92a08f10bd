"""Where a vector fails: whatever a study saw of it stands in the card, and nothing else does."""

from steerstack.report.failures import NOTHING, OPEN, of_effect, of_stack, of_sweep, section
from steerstack.study.null_test import NEEDED, NullTest


def estimate(value, low, high, n=20):
    return {"value": value, "ci_low": low, "ci_high": high, "n": n, "level": 0.95}


GOOD, NONE, BAD = estimate(0.3, 0.2, 0.4), estimate(0.1, -0.1, 0.3), estimate(-0.3, -0.4, -0.2)


def arm(vector, effect, against=0.0, prompt="none", finetune="none"):
    share = None if vector == "none" else estimate(against, 0.0, 0.5)
    return {"vector": vector, "prompt": prompt, "finetune": finetune, "effect": effect, "against": share}


def meeting(verdict="adds up", on_top=GOOD, direction="positive", **more):
    return {"of": ["vector", "prompt"], "scale": "log-odds", "direction": direction, "verdict": verdict,
            "first_on_top": on_top, "estimate": NONE, "near_ceiling": False, **more}  # fmt: skip


WIDE = NullTest(0.4, {family: [0.01 * n for n in range(39)] for family in NEEDED}).to_json()
NARROW = NullTest(0.2, {"random": [0.3, 0.1]}).to_json()


def stack(arms, interactions=(), null_test=WIDE):
    return list(of_stack({"arms": arms, "interactions": interactions, "null_test": null_test}))


def test_an_effect_is_held_against_its_sign():
    assert of_effect("Alone", GOOD) == ""
    assert of_effect("Alone", BAD, -1) == ""
    assert "wrong way: -0.300" in of_effect("Alone", BAD)
    assert "wrong way: +0.300" in of_effect("Alone", GOOD, -1)
    assert "told apart from none" in of_effect("Alone", NONE)


def test_a_vector_without_fault_has_none_but_what_was_not_measured():
    sound = [arm("none", NONE), arm("positive", GOOD), arm("negative", BAD)]
    assert stack(sound, [meeting(), meeting(on_top=BAD, direction="negative")]) == []
    assert section([]) == f"## Where it fails\n\n- {NOTHING}\n- {OPEN}"


def test_every_fault_of_a_stack_is_named():
    found = stack(
        [arm("none", NONE), arm("positive", GOOD, 0.25), arm("negative", NONE), arm("positive", BAD, prompt="positive")],
        [meeting("redundant"), meeting(on_top=NONE, of=["vector", "lora-sft"], vector_origin="refitted"),
         meeting("interferes", scale="probability"), meeting(near_ceiling=True), meeting(of=["prompt", "lora-sft"])],
        NARROW,
    )  # fmt: skip
    assert [line.split(":")[0] for line in found] == [
        "Added with a positive sign it moves 25% of the items the wrong way [0%, 50%]",
        "With a negative sign its effect cannot be told apart from none",
        "On top of a positive prompt it is redundant",
        "On top of a positive lora-sft (refitted) its effect cannot be told apart from none",
        "On top of a positive prompt the answers are near certainty, so that little is left to gain",
        NARROW["text"],
    ]


def test_every_fault_of_a_sweep_is_named():
    found = list(of_sweep({
        "arms": [{"layer": 3, "scale": scale, "effect": effect} for scale, effect in ((0, NONE), (1, NONE), (-1, BAD))],
        "steerability": {"3": {"anti_steerable": estimate(0.2, 0.1, 0.4)}, "5": {"anti_steerable": estimate(0, 0, 0.1)}},
        "null_test": NARROW,
    }))  # fmt: skip
    assert [line.split(":")[0] for line in found] == [
        "At layer 3 it moves 20% of the items against the sign [10%, 40%]",
        "At layer 3 and strength 1 its effect cannot be told apart from none",
        NARROW["text"],
    ]
