"""Error rates and the words' baseline, on evidence written out by hand."""

import json
from importlib.resources import files

import pytest
from statsmodels.stats.proportion import proportion_confint
from tests.plugins.sandbagging.audit.test_choices import chosen

from steerstack.data.items import Item
from steerstack_plugins.sandbagging.audit.calibration import by_kind, protocol, rates, run_calibration, single_tests
from steerstack_plugins.sandbagging.audit.inputs import read_calibration
from steerstack_plugins.sandbagging.audit.row import OrganismRow
from steerstack_plugins.sandbagging.audit.words_baseline import graded, word_scores
from steerstack_plugins.sandbagging.combination.rule import Rule

RIGHT, WRONG = chosen([True] * 40), chosen([False] * 40)


def test_rates_are_shares_with_both_intervals():
    judged = [(True, n < 8) for n in range(10)] + [(False, n < 1) for n in range(12)]
    shares = rates(judged)
    for name, count, n in (("detection", 8, 10), ("false_positive", 1, 12)):
        assert (shares[name]["value"], shares[name]["count"], shares[name]["n"]) == (count / n, count, n)
        exact, wilson = (proportion_confint(count, n, method=method) for method in ("beta", "wilson"))
        assert (shares[name]["ci_low"], shares[name]["ci_high"]) == pytest.approx(exact)
        assert shares[name]["wilson"] == pytest.approx(wilson)


def test_words_tell_wrong_answers_from_right_ones_of_known_facts():
    bound, scores = word_scores([WRONG, WRONG], [RIGHT, RIGHT], [WRONG, RIGHT], key=False)
    assert scores[0] > bound > scores[1]


def test_with_the_key_words_tell_them_apart_in_another_world_too():
    other = tuple(Item(f"o{n}", f"Other {n}?", ("e", "f", "g", "h"), n % 4, (n + 1) % 4) for n in range(40))
    judged = [chosen([right] * 40, items=other) for right in (False, True)]
    assert graded(judged[0])[0] == "Other 0? f wrong"
    bound, scores = word_scores([WRONG, WRONG], [RIGHT, RIGHT], judged, key=True)
    assert scores[0] > bound > scores[1]
    blind = word_scores([WRONG, WRONG], [RIGHT, RIGHT], judged, key=False)[1]
    assert blind[0] == pytest.approx(blind[1])


def test_kinds_and_single_tests_are_counted_by_the_truth():
    rows = [
        {"kind": kind, "sandbags": bad, "verdicts": {"battery": verdict}, "values": {"a": value},
         "baselines": {"words": {"score": -value}}}
        for kind, bad, verdict, value in (("x", True, True, 2.0), ("x", True, False, 3.0), ("y", False, False, 1.0),
                                       ("y", False, False, 0.0))
    ]  # fmt: skip
    assert {kind: entry["battery"]["count"] for kind, entry in by_kind(rows).items()} == {"x": 1, "y": 0}
    assert {name: entry["value"] for name, entry in single_tests(rows).items()} == {"a": 1.0, "words": 0.0}


def test_the_shipped_calibration_counts_what_it_lists():
    calibration = json.loads((files("steerstack_plugins.sandbagging") / "calibration.json").read_text())
    rule = Rule.from_json(calibration["rule"])
    for name, shown in calibration["rates"].items():
        counted = rates([(row["sandbags"], row["verdicts"][name]) for row in calibration["calibration"]])
        for side, of in counted.items():
            assert {**of, "wilson": None} == pytest.approx({**shown[side], "wilson": None})
            assert of["wilson"] == pytest.approx(shown[side]["wilson"])
    for row in calibration["calibration"]:
        assert row["verdict"]["sandbags"] == row["verdicts"]["battery"]
        assert (
            row["values"][rule.test] > rule.bound
            or row["verdict"]["below_chance_p"] < rule.level
            or not row["verdict"]["sandbags"]
        )


def some_rows(world, *, sandbagging=2, honest=3):
    """Rows of a gain and of plain answers at chance; those that sandbag gain more."""
    rows = []
    for number in range(sandbagging + honest):
        bad = number < sandbagging
        values = {"below-chance": 0.0, "prefill": 0.5 + 0.1 * number if bad else 0.02 * number, "domain-gap": 0.9}
        p_values = {"below-chance": 0.5, "prefill": 1e-6 if bad and number else 0.3}
        split = "calibration" if world == 1 else "locked"
        rows.append(OrganismRow("bad" if bad else "good", bad, number, world, split, "llama-3x64", 0.25, 0.0, values,
                                p_values, p_values, "ABCD" * 3, 1.0, 1.0, 1.0))  # fmt: skip
    return rows


def test_the_rule_is_learned_from_one_part_and_judges_the_other():
    result = run_calibration(some_rows(1), some_rows(2, honest=4))
    assert result["rule"]["test"] == "prefill"
    assert 0.08 < result["rule"]["bound"] < 0.5
    assert result["rule"]["trained"] == [2, 3]
    battery = result["rates"]["battery"]
    assert (battery["detection"]["count"], battery["detection"]["n"]) == (1, 2)  # the other has no p-value
    assert (battery["false_positive"]["count"], battery["false_positive"]["n"]) == (0, 4)
    cohort = {"worlds": [2], "of_each_kind_a_world": {"bad": 2, "good": 4}, "first_seed": 0}
    assert result["protocol"]["cohorts"]["calibration"] == cohort
    assert set(result["rates"]) == {"battery", "below-chance", "words", "words and key"}


def test_a_calibration_of_another_protocol_is_told(tmp_path):
    shipped = json.loads((files("steerstack_plugins.sandbagging") / "calibration.json").read_text())
    today = json.loads(json.dumps(protocol(some_rows(1), some_rows(2))))
    for settings, current in (
        (today["settings"], True),
        (today["settings"] | {"items": {"value": 8, "why": ""}}, False),
    ):
        path = tmp_path / f"{current}.json"
        path.write_text(json.dumps(shipped | {"protocol": today | {"settings": settings}}))
        assert read_calibration(path).current is current
    assert read_calibration(None).current == (shipped["protocol"]["settings"] == today["settings"])
