"""The notebooks, cell by cell on a tiny model, as a reader would run them; what a cell ends in can be shown."""

import ast
import json
import re

import pytest
from tests.docs.conftest import DOCS, ROOT

NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
SMALL = {"LAYERS": [1, 2], "ITEMS": 24, "NULLS": 1}


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def tags(cell):
    return cell["metadata"].get("tags", [])


def shown(source, names, where):
    """Run a cell; what its last line gives, as a notebook would show it."""
    tree = ast.parse(source, where)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, where, "exec"), names)
    if last is None:
        return ""
    value = eval(compile(ast.Expression(last.value), where, "eval"), names)
    return value._repr_html_() if hasattr(value, "_repr_html_") else repr(value) if value is not None else ""


@pytest.mark.filterwarnings("ignore::DeprecationWarning:repeng", "ignore::FutureWarning:repeng")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, tiny_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names, pages = {"__name__": "__main__"}, []
    for place, cell in enumerate(cells(path)):
        if cell["cell_type"] != "code" or "install" in tags(cell):
            continue
        source = "".join(cell["source"])
        if "parameters" in tags(cell):
            source += f"\nMODEL = {str(tiny_folder)!r}"
            source += "".join(f"\n{name} = {value!r}" for name, value in SMALL.items() if f"\n{name} =" in source)
        pages.append(shown(source, names, f"{path.stem}, cell {place}"))
    assert sum(page.startswith("<") for page in pages) >= 2
    assert capsys.readouterr().out


def test_the_four_are_there_open_on_colab_and_stand_in_the_documentation():
    assert [path.stem for path in NOTEBOOKS] == ["1_first_vector", "2_own_behaviour", "3_stack", "4_from_repeng"]
    index = (DOCS / "how-to" / "notebooks.md").read_text(encoding="utf-8")
    assert re.findall(r"examples/notebooks/(\w+)\.ipynb", index) == [path.stem for path in NOTEBOOKS]
    for path in NOTEBOOKS:
        value = json.loads(path.read_text(encoding="utf-8"))
        assert (value["nbformat"], value["metadata"]["kernelspec"]["language"]) == (4, "python")
        first, install, parameters, *_ = value["cells"]
        assert "https://colab.research.google.com/" in "".join(first["source"])
        assert (tags(install), tags(parameters)) == (["install"], ["parameters"])
        assert not any(cell.get("outputs") for cell in value["cells"])  # none that a change would belie
