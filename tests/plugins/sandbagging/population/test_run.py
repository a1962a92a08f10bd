"""A population's rows are made once each, kept, and read back in order."""

import pytest

from steerstack_plugins.sandbagging.audit.battery import BESIDE
from steerstack_plugins.sandbagging.audit.row import OrganismRow
from steerstack_plugins.sandbagging.population.declaration import Member, members
from steerstack_plugins.sandbagging.population.run import OrganismStep, gathered, run_population, summary


def plain(member, items):
    """A row without a model."""
    return OrganismRow(
        member.kind, member.sandbags, member.seed, member.world, member.split, member.architecture, 0.5,
        0.4 if member.sandbags else 0.0, {"below-chance": -0.25}, {"below-chance": 1.0}, {"below-chance": 1.0},
        "A" * items, 1.0, 2.0, 3.0,
    )  # fmt: skip


class Breakdown(Exception):
    """What stops a run."""


def failing_after(n, asked):
    """Makes n rows and no more."""

    def gather(member, items):
        if len(asked) == n:
            raise Breakdown
        asked.append(member)
        return plain(member, items)

    return gather


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path):
    few, asked = members("calibration")[:6], []
    with pytest.raises(Breakdown):
        run_population(few, tmp_path, gather=failing_after(4, asked))
    rows = run_population(few, tmp_path, gather=failing_after(6, asked))
    assert asked == list(few)
    assert rows == tuple(plain(member, 96) for member in few)
    assert run_population(few[::-1], tmp_path, gather=failing_after(0, [])) == rows[::-1]


@pytest.mark.xdist_group("sandbagging")
def test_two_processes_give_the_rows_of_one(tmp_path, origin, pytestconfig, monkeypatch):
    monkeypatch.syspath_prepend(str(pytestconfig.rootpath))  # what other processes have to find ``plain`` by
    few, words = [Member(kind, 0, n, "calibration") for n, kind in enumerate(("ignorant", "locked", "weak"))], []
    rows = run_population(few, tmp_path, items=8, jobs=2, gather=plain, step=words.append)
    assert rows == tuple(plain(member, 8) for member in few)
    assert sorted(words) == sorted(OrganismStep(member).what for member in few)
    assert run_population(few, tmp_path, items=8, gather=failing_after(0, [])) == rows


def test_each_organism_is_told_of(tmp_path):
    few, words = members("calibration")[:3], []
    for _ in range(2):
        run_population(few, tmp_path, gather=plain, step=words.append)
    assert len(words) == 6
    assert words[0] == "locked, seed 600000, of world 500"


def test_what_decides_a_row_is_its_key():
    one = members("calibration")[0]
    keys = [OrganismStep(one).key(), OrganismStep(one, 48).key(), OrganismStep(members("locked")[0]).key()]
    assert len({str(key) for key in keys}) == 3


def test_the_summary_counts_kinds_and_holds_no_evidence():
    rows = [plain(member, 8) for member in members("locked")]
    result = summary(rows)
    assert sum(kind["n"] for kind in result["kinds"]) == len(rows)
    assert {kind["kind"] for kind in result["kinds"] if kind["sandbags"]} == {m.kind for m in members() if m.sandbags}
    assert result["seconds_audited"] == 2.0 * len(rows)
    assert "accuracy" not in result["kinds"][0]


@pytest.mark.xdist_group("sandbagging")
def test_an_organism_is_made_and_audited(origin):
    row = gathered(Member("ignorant", 0, 41, "calibration"), 12)
    assert (row.kind, row.sandbags, row.architecture) == ("ignorant", False, "llama-3x64")
    assert row.induction_drop < 0.05
    assert len(row.answers) == 12
    assert row.choices().right.mean() == pytest.approx(row.accuracy, rel=1e-5)
    assert 100 < row.forward_passes < sum(row.passes_by_test.values())
    assert set(row.beside) == set(BESIDE)
    assert min(row.seconds_made, row.seconds_audited) > 0
