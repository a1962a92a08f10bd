"""The check of the tree finds each kind of fault in a small tree, and none in ours."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("architecture", ROOT / ".ci" / "architecture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tree(root, **files):
    """A tree with the given modules of the core."""
    for name, text in files.items():
        path = root / "core" / "steerstack" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_ours_has_none(check):
    assert check.faults(ROOT) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"data__a": "import steerstack.data.b", "data__b": "def f():\n    from steerstack.data import a"},
            "import circle",
        ),
        ({"data__a": "from steerstack.cli import console", "cli__console": ""}, "import upwards"),
        ({"data__a": "class Same: ...", "data__b": "class Same: ..."}, "two public classes of one name: Same"),
        ({f"data__m{number}": "" for number in range(18)}, "more than 17 modules in a folder"),
        ({"attic__a": ""}, "on no floor: steerstack.attic"),
    ],
)
def test_each_fault_is_found(check, tmp_path, files, expected):
    (fault,) = check.faults(tree(tmp_path, **files))
    assert expected in fault


def test_an_import_of_a_plugin_by_the_core_is_found(check, tmp_path):
    (tmp_path / "plugins" / "steerstack_plugins").mkdir(parents=True)
    (tmp_path / "plugins" / "steerstack_plugins" / "mine.py").write_text("")
    (fault,) = check.faults(tree(tmp_path, data__a="import steerstack_plugins.mine"))
    assert "import upwards: steerstack.data.a imports steerstack_plugins.mine" in fault


def test_types_may_be_named_upwards(check, tmp_path):
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from steerstack.cli import console\n"
    assert check.faults(tree(tmp_path, data__a=text, cli__console="")) == []
