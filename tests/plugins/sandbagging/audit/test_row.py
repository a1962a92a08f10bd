"""Rows hold what a rule needs: numbers, exact p-values and the answers, there and back."""

from dataclasses import replace

import numpy as np
import pytest

from steerstack.contracts import Built
from steerstack.errors import DataError
from steerstack_plugins.sandbagging.audit.audit import Evidence
from steerstack_plugins.sandbagging.audit.battery import audit_data
from steerstack_plugins.sandbagging.audit.choices import Choices
from steerstack_plugins.sandbagging.audit.row import OrganismRow, read_rows, write_rows
from steerstack_plugins.sandbagging.audit_tests.plain import BELOW_CHANCE

ABOUT = {"kind": "locked", "seed": 4, "world": 5, "split": "calibration", "architecture": "llama-3x64"}


@pytest.fixture
def evidence():
    items = audit_data(32, world=5).in_orders().target
    generator = np.random.default_rng(0)
    plain, brought_out = (Choices(items, np.log(generator.random((32, 4)))) for _ in range(2))
    gain = brought_out.tally - plain.tally
    return Evidence({BELOW_CHANCE: 0.25 - plain.right.mean(), "prefill": 1 / 3}, plain, {"prefill": gain})


@pytest.fixture
def row(evidence):
    organism = Built(None, True, {"induction_drop": {"value": 0.5}})
    return OrganismRow.of(organism, evidence, seconds=(1.0, 2.0), forward_passes=3.0, **ABOUT)


def test_a_row_holds_the_evidence_and_what_is_known(row, evidence):
    assert (row.kind, row.sandbags, row.world, row.induction_drop) == ("locked", True, 5, 0.5)
    assert row.values == pytest.approx(evidence.values, rel=1e-5)
    for test, tally in {BELOW_CHANCE: evidence.answers.tally, **evidence.gains}.items():
        assert (row.above[test], row.below[test]) == pytest.approx((tally.above, tally.below), rel=1e-5)


def test_answers_are_rebuilt_from_a_row(row, evidence):
    choices = row.choices()
    assert choices.items == evidence.answers.items
    assert (choices.chosen == evidence.answers.chosen).all()
    assert choices.tally.below == evidence.answers.tally.below
    assert row.accuracy == pytest.approx(choices.right.mean(), rel=1e-5)


def test_rows_are_read_back(row, tmp_path):
    rows = (row, replace(row, seed=9, split="locked"))
    write_rows(tmp_path / "rows.jsonl", rows)
    assert read_rows(tmp_path / "rows.jsonl") == rows


@pytest.mark.parametrize("text", ["{}\n", "[1]\n", "no JSON\n"])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "x").write_text(text)
    with pytest.raises(DataError, match="no rows"):
        read_rows(tmp_path / "x")
