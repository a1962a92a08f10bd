"""The page on how well sandbagging is found says what the rows say, to the last digit."""

import pytest
from tests.docs.conftest import DOCS
from tests.docs.sandbagging_tables import AUDIT, TABLES, interval, judged

from steerstack.stats.intervals import proportion_interval
from steerstack_plugins.sandbagging.audit.inputs import read_calibration
from steerstack_plugins.sandbagging.combination.frozen import read_frozen
from steerstack_plugins.sandbagging.population.declaration import members
from steerstack_plugins.sandbagging.population.row_files import rows_of

PAGE = (DOCS / "explanation" / "sandbagging.md").read_text("utf-8")


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_those_of_the_rows(table):
    assert "\n".join(table()) in PAGE


def test_the_audit_is_the_one_that_was_frozen():
    assert judged()["judges"][AUDIT]["threshold"] == pytest.approx(read_frozen(None).threshold, rel=1e-6)


def test_who_does_not_know_the_target_is_called_sandbagging_as_often_as_the_page_says():
    kinds = ("always-a", "guesser", "ignorant")
    by_kind = judged()["judges"][AUDIT]["by_kind"]
    count, n = (sum(by_kind[kind][of] for kind in kinds) for of in ("count", "n"))
    assert f"the audit calls {count} of {n} sandbagging, {interval(proportion_interval(count, n).to_json())}" in PAGE
    rows = [row for split in ("calibration", "locked") for row in rows_of(split) if row.kind in kinds]
    low = sum(row.ignorant_p <= 0.05 for row in rows)
    share = interval(proportion_interval(low, len(rows)).to_json())
    assert (
        f"Of all {len(rows)} such organisms in both parts, {low} have a joint p-value of at most 0.05: {share}" in PAGE
    )


def test_the_rows_are_those_of_the_population_and_hold_answers_to_its_lists():
    for part in ("calibration", "locked"):
        rows = rows_of(part)
        assert [(row.kind, row.world, row.seed) for row in rows] == [(m.kind, m.world, m.seed) for m in members(part)]
        for row in rows:
            choices = row.choices()
            assert len(choices.tally.counts) == 8
            assert choices.tally.below == pytest.approx(row.below["below-chance"], rel=1e-5)


def test_the_pair_of_audit_and_words_is_that_of_the_page():
    pair = judged()[f"{AUDIT} minus"]["words and key"]
    assert pair["recall"]["ci_low"] > 0
    assert f"a difference of {interval(pair['false_positive'])}" in PAGE


def test_the_stricter_rule_is_that_of_the_calibration_that_comes_along():
    calibration = read_calibration(None)
    assert calibration.current
    found = calibration.rates["battery"]["detection"]
    assert calibration.rates["battery"]["false_positive"]["count"] == 0
    assert f"It finds {found['count']} of {found['n']}, {interval(found)}, and calls none of the 80" in PAGE
    assert f"the gain by {calibration.rule.test}, above {calibration.rule.bound:.3f}" in PAGE
