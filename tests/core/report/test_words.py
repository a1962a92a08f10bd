"""What verdicts end with."""

import pytest

from steerstack.report.words import sum_up


@pytest.mark.parametrize(
    ("n", "last"),
    [(7, " With 7 items nothing is claimed: it takes 8 at least."), (19, " With 19 items this is a hint;"), (20, "")],
)
def test_a_verdict_ends_with_what_so_few_items_bear(n, last):
    text = sum_up(["It moves.", "", "It stays."], n)
    assert text.startswith(f"It moves. It stays.{last}")
    assert "  " not in text
    assert last or text == "It moves. It stays."
