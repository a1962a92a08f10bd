"""What stands first on MLflow's pages: at most a dozen numbers a vector, nulls in the table alone."""

import math

from steerstack.contracts.recorder import Effect
from steerstack_registry.pages.headline import effects_table, headlines, rounded


def effect(name, role="", value=0.5):
    return Effect(name, value, 0.1, 0.9, 20, role)


def test_a_dozen_numbers_and_nulls_have_none():
    effects = [
        effect("effect/prompt-negative"), effect("effect/few-shot"), effect("effect/prompt-positive+vector-positive"),
        effect("null/random 0"), effect("neighbor/myopia"), effect("area/null: random", "null: random"),
        effect("kl/vector-positive"), effect("effect/alone"),
    ]  # fmt: skip
    assert [one.name for one in headlines(effects)] == [
        "effect/alone", "kl/vector-positive", "effect/prompt-positive+vector-positive",
    ]  # fmt: skip
    refitted = [effect(f"effect/vector-{sign}+finetune-lora", "refitted on lora") for sign in ("negative", "positive")]
    assert [one.name for one in headlines([*effects, *refitted])] == [
        "effect/alone", "kl/vector-positive", "effect/vector-positive+finetune-lora",
    ]  # fmt: skip
    many = [effect(f"effect/pca {n}", f"pca {n}") for n in range(5)]
    assert headlines(many) == many


def test_metrics_are_rounded_and_the_table_is_whole():
    assert [rounded(number) for number in (0.12345678912, -1234.56, 0.0)] == [0.12345679, -1234.56, 0.0]
    table = effects_table([effect("null/random 0", value=math.nan), effect("a", "r", 0.123456789)])
    assert table["columns"] == ["effect", "value", "ci_low", "ci_high", "n", "vector"]
    assert table["data"] == [["null/random 0", None, 0.1, 0.9, 20, ""], ["a", 0.123456789, 0.1, 0.9, 20, "r"]]
