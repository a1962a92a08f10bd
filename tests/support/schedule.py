"""Which process runs which test: all of a file in one, and all files of a group.

A file's fixtures, a model that is opened, a server, are then made once. The plugin's own ``--dist loadgroup`` does the
like by a suffix of test ids, which pytest no longer lets it write; without it every test went to whoever was free, and
both processes opened the embedded model and waited for one documentation build.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

_GROUP = re.compile(r"xdist_group\(\"(\w+)\"\)")


class ByGroup(LoadScopeScheduling):
    """Units of work are groups of files, or else files; the dearest come first, as they were collected."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # by cost, not by number of tests
        self._groups: dict[str, str] = {}

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        if file not in self._groups:
            self._groups[file] = group_of(self.config.rootpath / file)
        return self._groups[file] or file


def group_of(file: Path) -> str:
    """The group that a test file names, that of the documentation where it needs its pages; empty for none."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    named = _GROUP.search(text)
    if named:
        return named[1]
    return "docs" if re.search(r"def \w+\(.*\bbuilt\b", text) else ""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    return ByGroup(config, log)
