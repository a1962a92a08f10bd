"""Long cards keep all their sections; tables and lists give way."""

from PIL import Image

from steerstack_registry.pages.fit_card import fit, narrowed

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
    with Image.open(narrowed(tmp_path / "wide.png", 640, tmp_path)) as small:
        assert small.size == (640, 337)
    (tmp_path / "no.png").write_text("no picture")
    assert narrowed(tmp_path / "no.png", 640, tmp_path) == tmp_path / "no.png"
