"""What pages show as a Python session is what Python says."""

import doctest
import re

import pytest
from tests.docs.conftest import DOCS, ROOT
from tests.support import logs

PAGES = [
    path
    for path in [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"]
    if not {"generated", "gallery", "_build"} & set(path.relative_to(ROOT).parts)
]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def sessions(text):
    """The sessions of a page as one: later ones may use what earlier ones made."""
    return "\n".join(block + "\n" for block in re.findall(r"```pycon\n(.*?)```", text, re.DOTALL))


@pytest.mark.parametrize(
    "path", [p for p in PAGES if "```pycon" in p.read_text(encoding="utf-8")], ids=lambda p: p.stem
)
def test_sessions_are_as_shown(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    test = doctest.DocTestParser().get_doctest(sessions(path.read_text(encoding="utf-8")), {}, path.name, str(path), 0)
    lines = []
    doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=lines.append)
    logs.put_back()  # a page may show how to set it
    assert not lines, "".join(lines)
