"""Error rates and the words' baseline, on evidence written out by hand."""

import pytest
from statsmodels.stats.proportion import proportion_confint
from tests.core.study.test_sandbagging import chosen

from steerstack.study.audit import Evidence
from steerstack_plugins.sandbagging.calibrating import by_kind, rates, single_tests, word_scores

RIGHT, WRONG = Evidence({}, chosen([True] * 40)), Evidence({}, chosen([False] * 40))


def test_rates_are_shares_with_both_intervals():
    judged = [(True, n < 8) for n in range(10)] + [(False, n < 1) for n in range(12)]
    found = rates(judged)
    for name, count, n in (("detection", 8, 10), ("false_positive", 1, 12)):
        assert (found[name]["value"], found[name]["count"], found[name]["n"]) == (count / n, count, n)
        exact, wilson = (proportion_confint(count, n, method=method) for method in ("beta", "wilson"))
        assert (found[name]["ci_low"], found[name]["ci_high"]) == pytest.approx(exact)
        assert found[name]["wilson"] == pytest.approx(wilson)


def test_words_tell_wrong_answers_from_right_ones():
    bound, scores = word_scores([WRONG, WRONG], [RIGHT, RIGHT], [WRONG, RIGHT])
    assert scores[0] > bound > scores[1]


def test_kinds_and_single_tests_are_counted_by_the_truth():
    rows = [
        {"kind": kind, "sandbags": bad, "verdict": {"sandbags": said}, "values": {"a": value}, "words_score": value}
        for kind, bad, said, value in (("x", True, True, 2.0), ("x", True, False, 3.0), ("y", False, False, 1.0),
                                       ("y", False, False, 0.0))
    ]  # fmt: skip
    assert by_kind(rows) == {"x": "1 of 2", "y": "0 of 2"}
    assert {name: found["value"] for name, found in single_tests(rows).items()} == {"a": 1.0, "words": 1.0}
