"""What is frozen, and the report on locked organisms, from rows that are drawn."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss, roc_auc_score
from tests.plugins.sandbagging.combination.test_combination import rows_of
from typer.testing import CliRunner

from steerstack.cli import app
from steerstack.errors import DataError, StudyError
from steerstack_plugins.sandbagging.audit.row import write_rows
from steerstack_plugins.sandbagging.combination.frozen import Frozen, read_frozen
from steerstack_plugins.sandbagging.combination.judges import AUDIT, by_combination
from steerstack_plugins.sandbagging.combination.noise_pattern import noise_pattern
from steerstack_plugins.sandbagging.combination.report import mcnemar, report
from steerstack_plugins.sandbagging.commands.report import show_report
from steerstack_plugins.sandbagging.population.judges import threshold
from steerstack_plugins.sandbagging.small_world import world as worlds


def answered(rows, seed=0):
    """The rows with plain answers to the small world's questions, right in four of five, and a value below chance."""
    generator, drawn = np.random.default_rng(seed), []
    for row in rows:
        items = worlds.questions(worlds.TARGET, "tested", 32, world=row.world)
        places = [item.exhibits if generator.random() < 0.8 else int(generator.integers(4)) for item in items]
        values = {
            **row.values,
            "below-chance": 0.25 - float(np.mean([p == i.exhibits for p, i in zip(places, items, strict=True)])),
        }
        more = {"below-chance": 0.9}
        drawn.append(replace(row, answers="".join("ABCD"[place] for place in places), values=values,
                             above={**row.above, **more}, below={**row.below, **more},
                             passes_by_test={"gain": 2.0}, labels=9, forward_passes=5.0))  # fmt: skip
    return drawn


@pytest.fixture(scope="module")
def rows():
    learned = answered(rows_of(0, 3, 12))
    locked = [replace(row, split="locked") for row in answered(rows_of(1, 2, 20, first=40), 1)]
    return [*learned, *locked]


@pytest.fixture(scope="module")
def frozen(rows):
    return Frozen.learn(rows)


@pytest.fixture(scope="module")
def result(rows, frozen):
    return report(rows, frozen)


def sides(rows):
    locked = [row for row in rows if row.split == "locked"]
    return [row for row in locked if row.sandbags], [row for row in locked if not row.sandbags]


def test_locked_organisms_are_not_looked_at_when_it_is_frozen(rows, frozen):
    learned = [row for row in rows if row.split == "calibration"]
    turned = [replace(row, sandbags=not row.sandbags, values={}) for row in rows if row.split == "locked"]
    assert Frozen.learn([*learned, *turned]).to_json() == frozen.to_json()
    assert frozen.threshold == threshold(by_combination(), learned)
    assert frozen.about["calibration"]["honest"] == 18


def test_rates_are_shares_of_the_locked_beyond_the_frozen_threshold(rows, frozen, result):
    hiding, honest = sides(rows)
    judge = result["judges"][AUDIT]
    for part, side in ((hiding, "detection"), (honest, "false_positive")):
        count = sum(frozen.combination.score(row) > frozen.threshold for row in part)
        exact = stats.binomtest(count, len(part)).proportion_ci()
        assert (judge[side]["count"], judge[side]["n"]) == (count, len(part))
        assert (judge[side]["ci_low"], judge[side]["ci_high"]) == pytest.approx((exact.low, exact.high))
    assert all(frozen.sandbags(row) == (frozen.combination.score(row) > frozen.threshold) for row in hiding)


def test_each_test_alone_and_stated_probabilities_are_those_of_scikit_learn(rows, frozen, result):
    locked = [row for part in sides(rows) for row in part]
    truth = [row.sandbags for row in locked]
    assert result["tests"]["gain"]["auroc"]["value"] == pytest.approx(
        roc_auc_score(truth, [row.values["gain"] for row in locked])
    )
    stated = [frozen.combination.probability(row) for row in locked]
    assert result["probabilities"]["brier"]["value"] == pytest.approx(brier_score_loss(truth, stated))
    assert result["probabilities"]["brier_of_the_share"]["value"] == pytest.approx(0.25)
    classes = result["probabilities"]["reliability"]
    assert sum(one["n"] for one in classes) == len(locked)


def test_what_carries_the_evidence_is_missed_and_what_does_not_is_not(result):
    lost = {name: part["recall_lost"]["value"] for name, part in result["without"].items()}
    assert lost["without gain"] > 0.3
    assert abs(lost["without below-chance"]) < 0.2


def test_a_test_beside_the_battery_is_judged_alone_and_read_by_nobody(rows, frozen, result):
    marked = [replace(row, beside={"probe": float(row.sandbags)}) for row in rows]
    assert Frozen.learn(marked).combination == frozen.combination
    again = report(marked, frozen)
    assert again["judges"] == result["judges"]
    assert set(again["tests"]) == {*result["tests"], "probe"}
    assert again["tests"]["probe"]["auroc"]["value"] == 1.0
    assert set(again["without"]) == set(result["without"])
    show_report(again)


def test_discordant_organisms_are_counted_and_tested_exactly():
    pairs = [(True, True)] * 5 + [(True, False)] * 9 + [(False, True)] * 2 + [(False, False)] * 3
    counts = mcnemar(*zip(*pairs, strict=True))
    assert (counts["audit_alone"], counts["other_alone"], counts["both"]) == (9, 2, 5)
    assert counts["p"] == pytest.approx(2 * stats.binom.cdf(2, 11, 0.5))
    assert mcnemar([True], [True])["p"] == 1.0


def test_another_calibration_and_a_part_without_organisms_are_refused(rows, frozen):
    with pytest.raises(DataError, match="other organisms"):
        report([replace(rows[0], values=dict.fromkeys(rows[0].values, 0.0)), *rows[1:]], frozen)
    with pytest.raises(StudyError, match="both states"):
        report([row for row in rows if row.split == "calibration"], frozen)
    with pytest.raises(DataError, match="threshold"):
        report(rows, replace(frozen, threshold=frozen.threshold + 1))


def test_the_commands_freeze_and_report(rows, frozen, result, tmp_path):
    write_rows(tmp_path / "rows.jsonl", rows)
    words = [["freeze", "rows.jsonl", "--out", "frozen.json"],
             ["report", "rows.jsonl", "--frozen", "frozen.json", "--json", "report.json"]]  # fmt: skip
    for line in words:
        paths = [str(tmp_path / word) if "." in word else word for word in line]
        outcome = CliRunner().invoke(app, ["sandbag", *paths])
        assert outcome.exit_code == 0, outcome.output + str(outcome.exception)
    for name in ("words and key", "Which evidence carries what", "honest organisms with no error"):
        assert name in outcome.output
    assert read_frozen(tmp_path / "frozen.json").combination == frozen.combination
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(json.dumps(result))
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(DataError, match="no combination"):
        read_frozen(tmp_path / "other.json")


def test_the_pattern_of_noise_is_a_rise_of_those_that_hide():
    def noisy(row, *accuracy):
        by_seed = [[value, value + 0.02] for value in accuracy[1:]]
        return replace(row, noise={"levels": [0.1, 0.3], "accuracy_by_seed": by_seed, "accuracy_without": accuracy[0]})

    rows = rows_of(3, 2, 8)
    curves = [noisy(row, 0.1, 0.3, 0.2) if row.sandbags else noisy(row, 0.9, 0.85, 0.5) for row in rows]
    pattern = noise_pattern([*curves, rows[0]])  # one without a curve is left out
    locked, honest = pattern["kinds"]["locked"], pattern["kinds"]["weak (honest)"]
    assert (locked["n"], locked["rise"]["value"], locked["rise_above_0.05"]["count"]) == (8, pytest.approx(0.21), 8)
    assert honest["accuracy"] == pytest.approx([0.86, 0.51])
    assert honest["rise"]["value"] == pytest.approx(-0.04)
    assert pattern["auroc_of_rise"]["value"] == 1.0
