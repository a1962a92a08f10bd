"""Long cards keep all their sections; tables and lists give way."""

from PIL import Image

from steerstack_registry.fitting import fit
from steerstack_registry.pages import WIDTH
from steerstack_registry.store import _small

ROWS = [f"| arm {n} | +0.1 |" for n in range(40)]
COSTS = [f"- cost {n}" for n in range(9)]
CARD = "\n".join(
    ["## What", "", "| a | b |", "|---|---|", *ROWS, "", "## Costs", "", *COSTS, "", "## Nulls", "", "- one"]
)


def test_a_card_that_fits_stays():
    assert fit(CARD, len(CARD), "there") == CARD


def test_the_longest_table_gives_way_first():
    short = fit(CARD, 500, "[card](#/x)")
    assert len(short) <= 500
    assert all(title in short for title in ("## What", "## Costs", "## Nulls", "- one", "- cost 8", "|---|---|"))
    left = sum(row in short for row in ROWS)
    assert f"({40 - left} more: [card](#/x))" in short
    assert ROWS[0] in short


def test_prose_is_not_cut():
    assert fit("a" * 100, 50, "there") == "a" * 100


def test_wide_pictures_become_narrow(tmp_path):
    Image.new("RGB", (1710, 900)).save(tmp_path / "wide.png")
    with Image.open(_small(tmp_path / "wide.png", tmp_path)) as small:
        assert small.size == (WIDTH, 337)
    (tmp_path / "no.png").write_text("no picture")
    assert _small(tmp_path / "no.png", tmp_path) == tmp_path / "no.png"
