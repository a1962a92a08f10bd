"""Text from elsewhere: names that stay in their folder and apart, and nothing that steers a terminal."""

from html.parser import HTMLParser
from pathlib import PurePath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from steerstack.util.text import broken, code_span, file_name, markdown, no_name, shown

ANY = st.text(st.characters(), max_size=80)  # surrogates and control characters too
TRICKS = (
    "..",
    ".",
    "",
    "x/../../..",
    "/etc",
    "~",
    "a\\..\\b",
    "\x00",
    "热情 🔥",
    "%",
    "a b",
    "a-b",
    "x" * 400,
    "\ud800",
)


@given(ANY)
@example("..")
@example("x/../../..")
@example("x" * 300 + "/")
def test_a_file_name_is_one_part_of_a_path(text):
    name = file_name(text)
    assert name not in ("", ".", "..")
    assert PurePath("folder", name).parts == ("folder", name)
    assert "\\" not in name
    assert len(name.encode()) <= 70
    assert shown(name) == name


@given(ANY, ANY)
@example("a b", "a-b")
@example("热情", "热心")
@example("%", "!")
def test_different_texts_have_different_file_names(first, second):
    assert (file_name(first) == file_name(second)) == (first == second)


def test_tricks_have_names_of_their_own():
    assert len({file_name(text) for text in TRICKS}) == len(TRICKS)


@pytest.mark.parametrize("text", ["sycophancy", "corrigible-neutral-HHH", "SmolLM2-135M-Instruct", "v1.2", "热情"])
def test_a_plain_name_stays_as_it_is(text):
    assert file_name(text) == text


@given(ANY)
def test_what_is_shown_steers_no_terminal(text):
    printed = shown(text)
    printed.encode()  # no half of a character
    assert all(char in "\t\n\r" or not (ord(char) < 32 or 127 <= ord(char) < 160) for char in printed)


def test_what_is_shown_says_what_was_there():
    assert shown("a\x1b[31mb\n\ud800") == "a\\x1b[31mb\n\\ud800"
    assert shown("热情 [b] é") == "热情 [b] é"


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31m", "\x00", "\ud800", "a\u202eb", "", "  "])
def test_what_is_no_name(text):
    assert no_name(text)


@pytest.mark.parametrize("text", ["sycophancy", "热情 🔥", "a b/c", "50 %", "<b>"])
def test_what_is_a_name(text):
    assert not no_name(text)


def test_what_no_library_takes():
    assert (broken("a\x00"), broken("\ud800"), broken("a\nb\x1b 热")) == (r"'\x00'", r"'\ud800'", "")


MARKUP = [
    "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "![x](http://evil.org/seen.png)", "[click](http://evil.org)",
    "[x][y]\n\n[y]: http://evil.org", "<http://evil.org>", "`code`", "**bold**", "a | b", "# head\n- list", "\\<b>", "&lt;b&gt;",
    "R&D: 1 < 2", "a_b [+0.1, +0.2] (p = .5)", "](javascript:alert(1))", "*a* ![", "\x1b[31mred",
]  # fmt: skip


class Read(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("text", MARKUP)
def test_what_stands_in_markdown_is_read_as_it_is(text):
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    plain = " ".join(shown(text).split())
    paragraph = Read(reader.render(f"Said: {markdown(text)}"))
    assert (paragraph.tags, paragraph.text.strip()) == (["p"], f"Said: {plain}")
    row = Read(reader.render(f"| a | b |\n|---|---|\n| {markdown(text)} | 1 |"))
    assert row.tags == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    code = Read(reader.render(f"Said: {code_span(text)}"))
    assert (code.tags, code.text.strip()) == (["p", "code"], f"Said: {plain.replace('`', chr(39))}")
