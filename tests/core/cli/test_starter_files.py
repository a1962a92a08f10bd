"""Files to begin from are taken as they are written."""

import json

import pytest
from tests.support.command import steerstack

from steerstack.catalog.data import load_data
from steerstack.catalog.manager import plugins
from steerstack.cli.starter_files import write_behaviour, write_study
from steerstack.data.leaks import leaks
from steerstack.data.splits import split
from steerstack.errors import PluginError, SteerstackError, StudyError
from steerstack.study.study import Study
from steerstack.study.study_file import load_study

KINDS = sorted(plugins().offers("study"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_study_of_every_kind_declares_what_it_says(kind, tmp_path):
    path = write_study("mine", tmp_path / "new", kind, {"data": "myopia", "seed": 3})
    study = load_study(path)
    assert (study.name, study.data, study.seed) == (kind, "myopia", 3)
    text = path.read_text(encoding="utf-8")
    for name, field in type(study).model_fields.items():
        assert f"\n{name}: " in text or f"\n# {name}: " in text, name
        words = (field.description or "").split()
        assert " ".join(words[:4]) in text, name
    usual = {name: type(study).model_fields[name] for name in Study.model_fields if name not in ("data", "seed")}
    assert all(getattr(study, name) == field.get_default(call_default_factory=True) for name, field in usual.items())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_commented_out_stands_at_its_usual_value(kind, tmp_path):
    path = write_study("mine", tmp_path, kind, {"data": "myopia"})
    lines = path.read_text(encoding="utf-8").splitlines()
    names = tuple(f"# {name}: " for name in load_study(path).to_json())
    every = [line.removeprefix("# ") if line.startswith(names) else line for line in lines]
    whole = tmp_path / "whole.yaml"
    whole.write_text("\n".join(every), encoding="utf-8")
    assert load_study(whole).to_json() == load_study(path).to_json()


def test_a_new_study_runs_as_written(table, tiny_folder, tmp_path):
    args = (
        "--kind",
        "sweep",
        "--data",
        table,
        "--set",
        f"model={tiny_folder}",
        "--set",
        "layers=[1]",
        "--folder",
        tmp_path,
    )
    process = steerstack(
        "new", "study", "mine", *args, "--set", "scales=[0,1]", "--set", "nulls=0", "--set", "neighbors=0"
    )
    assert process.stdout.strip() == str(tmp_path / "mine.yaml")
    ran = steerstack("run", tmp_path / "mine.yaml", "--no-record", "--json", "-")
    assert [(arm["layer"], arm["scale"]) for arm in json.loads(ran.stdout)["arms"]] == [(1, 0.0), (1, 1.0)]


def test_a_new_behaviour_is_checked_and_split_as_written(tmp_path):
    process = steerstack("new", "behaviour", "optimism", "--folder", tmp_path)
    assert process.stdout.split() == [str(tmp_path / "optimism.csv"), str(tmp_path / "optimism.md")]
    report = json.loads(steerstack("data", "check", tmp_path / "optimism.csv", "--json", "-").stdout)
    assert report["behavior"] == "optimism"
    data = load_data(str(tmp_path / "optimism.csv"))
    assert not next(leak for leak in leaks(data) if leak.what == "length").warns
    parts = split(data)
    assert min(map(len, (parts.train, parts.validation, parts.test))) >= 2
    assert "steerstack data check optimism.csv" in (tmp_path / "optimism.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["", "a/b", "../up", "-x", "a\nb"])
def test_what_is_no_file_name_is_refused(name, tmp_path):
    with pytest.raises(SteerstackError, match="no name for a file"):
        write_behaviour(name, tmp_path)
    with pytest.raises(SteerstackError, match="no name for a file"):
        write_study(name, tmp_path, "stack", {"data": "myopia"})


def test_nothing_is_overwritten_and_nothing_unknown_is_written(tmp_path):
    write_study("mine", tmp_path, "stack", {"data": "myopia"})
    write_behaviour("mine", tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for refused in (
        lambda: write_study("mine", tmp_path, "sweep", {"data": "x"}),
        lambda: write_behaviour("mine", tmp_path),
    ):
        with pytest.raises(SteerstackError, match="there already"):
            refused()
    with pytest.raises(PluginError, match="stacked"):
        write_study("other", tmp_path, "stacked", {"data": "myopia"})
    with pytest.raises(StudyError, match="nulls"):
        write_study("other", tmp_path, "stack", {"data": "myopia", "nulls": "many"})
    with pytest.raises(StudyError, match="unknown field"):
        write_study("other", tmp_path, "stack", {"data": "myopia", "null": 3})
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}
