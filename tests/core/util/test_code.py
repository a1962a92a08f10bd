"""The digest of code: what computes something, all that it imports of ours, and nothing else."""

import os
import subprocess
import sys

import pytest

DIGEST = "import sys; from steerstack.util.code import code_digest; print(code_digest(sys.argv[1:]))"


@pytest.fixture
def digest(tmp_path):
    """A function that writes files, and gives the digest of some modules in a process of its own."""

    def one(*modules, **files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace(':', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
        command = [sys.executable, "-B", "-c", DIGEST, *modules]
        process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
        return process.stdout.strip()

    return one


def test_it_changes_with_the_text_and_comes_back_with_it(digest):
    first = digest("alone", alone="x = 1\n")
    assert digest("alone") == first
    assert digest("alone", alone="x = 2\n") != first
    assert digest("alone", alone="x = 1\n") == first


def test_order_and_repetition_of_the_modules_do_not_matter(digest):
    first = digest("one", "other", one="x = 1\n", other="x = 2\n")
    assert digest("other", "one", "one") == first
    assert digest("one") != first


DEEP, OTHER = {"pack:deep": "x = 1\n"}, {"pack:deep": "x = 2\n"}
TYPES = "from typing import TYPE_CHECKING\n"
IMPORTS = {
    "import": "import pack.deep\n",
    "from": "from pack.deep import x\n",
    "a module as a name": "from pack import deep\n",
    "in a function": "def f():\n    from pack import deep\n    return deep.x\n",
    "behind another": "import pack.between\n",
    "where types are not checked": f"{TYPES}if not TYPE_CHECKING:\n    import pack.deep\n",
    "beside what is for type checkers": f"{TYPES}if TYPE_CHECKING:\n    x = 1\nelse:\n    import pack.deep\n",
    "relative": "from .deep import x\n",
    "relative, a module as a name": "from . import deep\n",
    "relative, behind a package below": "import pack.below\n",
}


@pytest.mark.parametrize("kind", IMPORTS)
def test_it_follows_imports_of_its_own_package(digest, kind):
    package = {"pack:main": IMPORTS[kind], "pack:__init__": "", "pack:between": "from pack import deep\n",
               "pack:below:__init__": "from .leaf import x\n", "pack:below:leaf": "from ..deep import x\n"}  # fmt: skip
    first = digest("pack.main", **package, **DEEP)
    assert digest("pack.main", **OTHER) != first


APART = {
    "nothing": "",
    "for type checkers": f"{TYPES}if TYPE_CHECKING:\n    from pack.deep import x\n",
    "for type checkers, in full": "import typing\nif typing.TYPE_CHECKING:\n    from pack.deep import x\n",
    "words": "'from pack import deep'\n# import pack.deep\n",
    "another package": "import stranger.deep\n",
}


@pytest.mark.parametrize("kind", APART)
def test_what_is_not_imported_of_its_own_does_not_count(digest, kind):
    package = {"pack:main": APART[kind], "pack:__init__": "", "stranger:__init__": "", "stranger:deep": "x = 1\n"}
    first = digest("pack.main", **package, **DEEP)
    assert digest("pack.main", **OTHER, **{"stranger:deep": "x = 2\n"}) == first


def test_the_package_that_a_module_lies_in_counts(digest):
    first = digest("pack.main", **{"pack:__init__": "x = 1\n", "pack:main": "from pack import x\n"})
    assert digest("pack.main", **{"pack:__init__": "x = 2\n"}) != first


def test_a_module_without_a_source_counts_by_its_name(digest):
    assert digest("__main__") == digest("__main__")
    assert digest("__main__") != digest("a_notebook")


def test_ours_is_followed_from_a_strangers_module(digest):
    plain = digest("mine", mine="x = 1\n")
    ours = digest("mine", mine="import steerstack.stats.estimates\n")
    assert len({plain, ours, digest("steerstack.stats.estimates")}) == 3
