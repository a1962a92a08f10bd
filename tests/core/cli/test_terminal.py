"""What files say is printed as it stands, and steers no terminal."""

import io

import pytest
from rich.table import Table
from rich.text import Text

from steerstack.cli.terminal import Terminal

HOSTILE = "a [/b] [red]b[/red] [link=x] :smile: \x1b[31mc\x1b]0;title\x07 \x9b2J"
PLAIN = r"a [/b] [red]b[/red] [link=x] :smile: \x1b[31mc\x1b]0;title\x07 \x9b2J"


@pytest.fixture
def terminal():
    return Terminal(file=io.StringIO(), width=200, force_terminal=True, color_system="standard")


def printed(terminal):
    return Text.from_ansi(terminal.file.getvalue()).plain


def test_a_line(terminal):
    terminal.print(HOSTILE, highlight=False)
    assert terminal.file.getvalue() == f"{PLAIN}\n"


def test_cells_titles_and_heads_of_a_table(terminal):
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    terminal.print(table)
    assert printed(terminal).count(PLAIN) == 3


def test_a_mark_has_a_style_and_the_text_has_none(terminal):
    terminal.say(HOSTILE, mark="note: ", style="yellow")
    assert terminal.file.getvalue() == f"\x1b[33mnote: \x1b[0m{PLAIN}\n"


def test_lines_and_tabs_stay(terminal):
    terminal.print("a\n\tb")
    assert printed(terminal).split() == ["a", "b"]
