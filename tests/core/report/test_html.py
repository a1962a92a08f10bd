"""A study's frame is what was measured, to the last bit, and its page says what names say as text."""

import csv
import math
from html.parser import HTMLParser

import pandas as pd
import pytest
from tests.support.browser import needs_chromium

from steerstack.report.html import write_frame, write_page
from steerstack.report.page import Page, Table
from steerstack.report.plot import Plot, line

KNOWN = {"value": 0.5, "ci_low": 0.1, "ci_high": 0.9}

ROWS = [
    {"vector": 'a "quoted", name', "item": "1", "budget": None, "log_odds": 0.1 + 0.2, "effect": 1.0},
    {"vector": "none", "item": "ü", "budget": None, "log_odds": -1e-17, "effect": math.nan},
]


def test_both_files_hold_every_bit(tmp_path):
    parquet, text = write_frame(ROWS, tmp_path)
    with text.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for read in (pd.read_parquet(parquet).to_dict("records"), rows):
        assert [list(row) for row in read] == [list(row) for row in ROWS]
        assert [float(row["log_odds"]) for row in read] == [row["log_odds"] for row in ROWS]
        assert [(row["vector"], row["item"]) for row in read] == [(row["vector"], row["item"]) for row in ROWS]
    assert rows[1]["effect"] == "" or math.isnan(float(rows[1]["effect"]))


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


class Elements(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags += [tag, *(name for name, _ in attrs if name.startswith("on"))]

    def handle_data(self, data):
        self.text += data


def test_what_names_and_models_say_is_text_on_a_page(tmp_path):
    def page(said):
        table = Table(said, [said], [[said], [said * 2]], said)
        plot = Plot("points", said, said, said, [line(said, [0, 1], [KNOWN, KNOWN])], foot=said)
        return Page(
            said, said, f"{said} moves. {said} stays.", [said], [plot], [table], said, [said], {said: said}, said
        )

    written = []
    for said in ("plain", EVIL):
        write_page(page(said), tmp_path / "page.html")
        written.append(Elements((tmp_path / "page.html").read_text(encoding="utf-8")))
    plain, evil = written
    assert {tag: evil.tags.count(tag) for tag in ("script", "img", "onerror")} == {
        tag: plain.tags.count(tag) for tag in ("script", "img", "onerror")
    }
    assert evil.text.count(EVIL) >= 10


MARKED = "</script><script>window.ran=1</script><img src=x onerror=window.ran=1>"


@pytest.mark.browser
@needs_chromium
def test_a_browser_runs_nothing_of_it(tmp_path, browser):
    plot = Plot("points", MARKED, MARKED, MARKED, [line(MARKED, [0, 1], [KNOWN, KNOWN])], foot=MARKED)
    tables = [Table(MARKED, [MARKED], [[MARKED]], MARKED)]
    page = Page(
        MARKED, MARKED, f"{MARKED} moves.", [MARKED], [plot], tables, MARKED, [MARKED], {MARKED: MARKED}, MARKED
    )
    write_page(page, tmp_path / "page.html")
    (tmp_path / "ran.html").write_text(f"<p>shown</p><script>{MARKED}", encoding="utf-8")
    seen = browser.open((tmp_path / "page.html").as_uri(), "moves.")
    assert MARKED in seen.text
    assert seen.value("window.ran") is None
    assert browser.open((tmp_path / "ran.html").as_uri(), "shown").value("window.ran") == 1  # where it is not escaped
