"""Each sentence of the page on security has a test, and the tests are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text(encoding="utf-8")


def test_each_sentence_names_a_test_that_is_there():
    named = re.findall(r"`([\w/]+/test_\w+\.py|test_\w+\.py)`", PAGE)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / "tests" / name).is_file()] == []
    bullets = [line for line in PAGE.splitlines() if line.startswith("- ")]
    assert [line for line in bullets if "test_" not in line] == []
    sections = [section.strip().splitlines()[1:] for section in PAGE.split("\n## ")[1:-1]]
    assert [line for section in sections for line in section if line and not line.startswith("- ")] == []
