"""Packages of strangers, built and installed by pip into an environment of their own."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from tests.support.command import steerstack
from tests.support.stranger import ROOT, Environment
from tests.support.wait import until

from steerstack_registry.access.connection import reaching

EXAMPLE = ROOT / "examples" / "steerstack-plugin-example"
BROKEN = {
    "pyproject.toml": """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "broken-plugin"
version = "9.9"
[project.entry-points.steerstack]
broken = "broken_plugin"
""",
    "broken_plugin.py": "raise RuntimeError('the licence server is asleep')\n",
}


def from_the_readme(folder: Path) -> Path:
    """The plugin that the README shows, word for word, as a package; only a build system and a name are added."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    toml, code, study = (re.search(rf"```{kind}\n# {path}\n(.*?)```", text, re.S)[1] for kind, path in (
        ("toml", "pyproject.toml"), ("python", r"my_package/__init__\.py"), ("python", r"my_package/doses\.py")
    ))  # fmt: skip
    place = folder / "my-package"
    (place / "my_package").mkdir(parents=True)
    head = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    (place / "pyproject.toml").write_text(f'{head}[project]\nname = "my-package"\nversion = "1"\n{toml}')
    (place / "my_package" / "__init__.py").write_text(code)
    (place / "my_package" / "doses.py").write_text(study)
    (place / "test_mine.py").write_text(
        "from my_package import Mine\nfrom my_package.doses import Doses\n"
        "from steerstack.testing import ExtractorContract, StudyContract\n\n\n"
        "class TestMine(ExtractorContract):\n    method = Mine()\n\n\n"
        "class TestDoses(StudyContract):\n    study = Doses(data='planted', layer=1, score='yes-no')\n"
    )
    assert len(code.splitlines()) < 40
    return place


@pytest.fixture(scope="module")
def strange(tmp_path_factory):
    """An environment with the example, a package made by ``plugins new``, and one that fails to import."""
    folder = tmp_path_factory.mktemp("strange")
    steerstack("plugins", "new", "my-lab-steering", "--folder", folder, STEERSTACK_HOME=str(folder))
    (folder / "broken-plugin").mkdir()
    for name, text in BROKEN.items():
        (folder / "broken-plugin" / name).write_text(text)
    example = shutil.copytree(EXAMPLE, folder / EXAMPLE.name)
    environment = Environment(folder / "env")
    environment.install([example, folder / "my-lab-steering", folder / "broken-plugin", from_the_readme(folder)])
    environment.folder = folder
    yield environment
    environment.close()


@pytest.mark.xdist_group("stranger")
def test_their_names_appear_and_the_broken_one_is_named_with_its_cause(strange, tmp_path):
    command = [strange.python, "-m", "steerstack", "plugins", "list", "--json"]  # as a stranger's own process
    env = {**os.environ, "STEERSTACK_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    listed = subprocess.run(command, capture_output=True, text=True, env=env)
    assert listed.returncode == 0, listed.stderr
    rows = {(row["kind"], row["name"]): row for row in json.loads(listed.stdout)}
    for kind, name in [("extractor", "trimmed-difference"), ("metric", "answer-entropy"), ("probe", "nearest-mean")]:
        row = rows[kind, f"steerstack-plugin-example/{name}"]
        assert (row["package"], row["version"], row["status"]) == ("steerstack-plugin-example", "0.1.0", "ok")
    assert rows["extractor", "my-lab-steering/median-difference"]["status"] == "ok"
    assert rows["extractor", "my-package/mine"]["status"] == "ok"
    (failed,) = [row for row in rows.values() if row["status"] == "failed"]
    assert (failed["package"], failed["version"]) == ("broken-plugin", "9.9")
    assert "the licence server is asleep" in failed["cause"]
    process = strange.run("plugins", "show", "my-lab-steering/median-difference", "--json", home=tmp_path)
    (card,) = json.loads(process.stdout)
    assert card["parameters"][0]["name"] == "strength"


@pytest.mark.xdist_group("stranger")
def test_their_method_extracts_and_is_swept(strange, tmp_path, tiny_folder, table):
    common = ["--model", str(tiny_folder), "--data", str(table), "--behavior", "kindness"]
    out = tmp_path / "v.safetensors"
    for method, name in (("my-package/mine", "norm"), ("steerstack-plugin-example/trimmed-difference", "trim")):
        process = strange.run(
            "extract", *common, "--method", method, "--set", f"{name}=0.2", "--out", out, "--json",
            home=tmp_path,
        )  # fmt: skip
        assert process.returncode == 0, process.stderr
        header = json.loads(process.stdout)
        assert (header["method"], header["parameters"]) == (method, {name: 0.2})
    swept = strange.run(
        "sweep",
        *common,
        "--vector",
        out,
        "--layers",
        "1,2",
        "--scales=-1,1",
        "--json",
        "-",
        home=tmp_path,
    )
    assert swept.returncode == 0, swept.stderr
    assert len(json.loads(swept.stdout)["arms"]) == 4


@pytest.mark.xdist_group("stranger")
def test_their_metric_and_probe_run(strange, tmp_path, tiny_folder, table):
    model = ["--model", str(tiny_folder)]
    metric = "steerstack-plugin-example/answer-entropy"
    measured = strange.run("evaluate", *model, "--metric", metric, "--set", "limit=5", "--json", "-", home=tmp_path)
    assert measured.returncode == 0, measured.stderr
    (result,) = json.loads(measured.stdout)["metrics"]
    assert result["n"] == 5
    probed = strange.run(
        "probe", *model, "--data", table, "--behavior", "kindness",
        "--method", "steerstack-plugin-example/nearest-mean", "--json", "-", home=tmp_path,
    )  # fmt: skip
    assert probed.returncode == 0, probed.stderr
    assert 0 <= json.loads(probed.stdout)["auroc"]["value"] <= 1


@pytest.mark.xdist_group("stranger")
def test_a_wrong_parameter_or_name_is_refused_with_the_nearest(strange, tmp_path, table):
    common = ["extract", "--data", table, "--out", tmp_path / "v.safetensors"]
    method = "steerstack-plugin-example/trimmed-difference"
    wrong = strange.run(*common, "--method", method, "--set", "trimm=0.2", home=tmp_path)
    assert wrong.returncode == 1
    assert "did you mean 'trim'?" in wrong.stderr
    out_of_range = strange.run(*common, "--method", method, "--set", "trim=0.9", home=tmp_path)
    assert out_of_range.returncode == 1
    assert "less than 0.5" in out_of_range.stderr
    broken = strange.run(*common, "--method", "broken-plugin/anything", home=tmp_path)
    assert broken.returncode == 1
    assert "the licence server is asleep" in broken.stderr


@pytest.mark.xdist_group("stranger")
@pytest.mark.parametrize("package", ["example", "skeleton", "readme"])
def test_they_pass_the_contract_kit_as_written(strange, tmp_path, package):
    tests = {
        "example": strange.folder / EXAMPLE.name / "tests",
        "skeleton": strange.folder / "my-lab-steering" / "tests",
        "readme": strange.folder / "my-package" / "test_mine.py",
    }[package]
    process = strange.pytest(tests, tmp_path)
    assert process.returncode == 0, process.stdout[-3000:]
    assert " passed" in process.stdout


def _doses(strange, home, out, *command):
    env = {**os.environ, "STEERSTACK_HOME": str(home), "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    words = [strange.python, "-m", "steerstack", *command, "--json", out]
    return subprocess.Popen(list(map(str, words)), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.xdist_group("stranger")
def test_their_study_has_a_file_a_command_a_ledger_a_page_a_frame_and_a_record(strange, tmp_path, tiny_folder):
    table = tmp_path / "kindness.csv"
    rows = [f"What about case {i}?,I would help with {i} gladly.,Case {i} is not mine." for i in range(170)]
    table.write_text("question,exhibits,not\n" + "\n".join(rows) + "\n")
    file = tmp_path / "doses.yaml"
    file.write_text(f"study: my-package/doses\nmodel: {tiny_folder}\ndata: {table}\nlayer: 1\ndoses: [0.5, 2]\n")
    helped = strange.run("my-package/doses", "--help", home=tmp_path)
    assert all(option in helped.stdout for option in ("--layer", "--doses", "--data", "--engine", "--json"))
    killed = _doses(strange, tmp_path / "home", tmp_path / "killed.json", "run", file)
    ledgers = lambda: [p for p in (tmp_path / "home").rglob("ledger.jsonl") if p.read_bytes().count(b"\n")]  # noqa: E731
    until(lambda: ledgers() or killed.poll() is not None, "a step that is kept")
    killed.kill()
    killed.communicate()
    assert killed.returncode == -9
    (ledger,) = ledgers()
    first_line = ledger.read_bytes().split(b"\n")[0]
    values = []
    options = ["--model", tiny_folder, "--data", table, "--layer", "1", "--doses", "0.5,2"]
    for home, command in (("home", ["run", file]), ("whole", ["my-package/doses", *options])):
        (tmp_path / home).mkdir(exist_ok=True)
        process = strange.run(*command, "--json", tmp_path / f"{home}.json", home=tmp_path / home)
        assert process.returncode == 0, process.stderr
        values.append(json.loads((tmp_path / f"{home}.json").read_text()))
    resumed, whole = values
    assert ledger.read_bytes().split(b"\n")[0] == first_line
    lines = [json.loads(line)["key"] for line in ledger.read_text().splitlines()]
    assert len(lines) == len(set(lines)) == 3  # the vector, and 68 test items, 64 a step
    assert [effect["name"] for effect in resumed["effects"]] == ["dose 0.5", "dose 2"]
    assert resumed["effects"] == whole["effects"]
    frame = pd.read_parquet(resumed["frame"])
    assert frame.equals(pd.read_parquet(whole["frame"]))
    assert len(frame) == 3 * 68
    wide = frame.pivot(index="item", columns="arm", values="log_odds")
    assert resumed["effects"][1]["value"] == pytest.approx((wide["dose 2"] - wide["bare"]).mean())
    assert resumed["verdict"] in Path(resumed["report"]).read_text(encoding="utf-8")
    with reaching(f"sqlite:///{tmp_path / 'home' / 'mlflow.db'}") as client:
        run = client.get_run(resumed["mlflow"]["run_id"])
    assert run.data.tags["steerstack.kind"] == "doses"
    assert any(key.startswith("dose 2") for key in run.data.metrics), sorted(run.data.metrics)
