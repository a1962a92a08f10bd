"""Study files from elsewhere: declared, or refused with one error before anything heavy is done."""

import random
from contextlib import suppress

import pytest
import yaml

from steerstack.catalog.data import load_data
from steerstack.catalog.lookup import find
from steerstack.data.items import DataSet
from steerstack.errors import DataError, ModelError, SteerstackError, StudyError
from steerstack.run.ledger import alone
from steerstack.study.session import folder_of
from steerstack.study.study_file import load_study
from steerstack_plugins.extraction.mean_difference import MeanDifference

RIGHT = {"study": "sweep", "data": "sycophancy", "layers": [1, 2], "scales": [0, 1]}


def declared(folder, **changed):
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**RIGHT, **changed}, allow_unicode=True), "utf-8")
    return load_study(path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"layers": [1, 1]}, "more than once"),
        ({"scales": [0.5, 1, 0.5]}, "0.5 is given more than once"),
        ({"layers": [-1]}, "count from 0"),
        ({"layers": []}, "one or more layers"),
        ({"scales": [float("nan")]}, "finite"),
        ({"scales": [float("inf")]}, "finite"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"seed": 10**400}, "64 bits"),
        ({"nulls": 10**12}, "nulls"),
        ({"behavior": "a\nb"}, "no name"),
        ({"behavior": "a\x1b[31mb"}, "no name"),
        ({"behavior": ""}, "empty"),
        ({"behavior": "a\x00b"}, "no text has"),
        ({"data": "a\tb"}, "no name or path"),
        ({"model": " "}, "empty"),
        ({"study": ["sweep"]}, "kind of study"),
        ({"nix": 2}, "unknown field 'nix'"),
    ],
)
def test_what_is_refused(tmp_path, changed, said):
    with pytest.raises(StudyError) as caught:
        declared(tmp_path, **changed)
    assert said in str(caught.value)


ANYTHING = (None, True, -1, 0, 1.5, 10**18, float("nan"), "", "x", "a\nb", "../..", "\x1b[2J", [], [[]], [None], [1, "a"], {}, {"a": 1},
            {"name": 3}, ["x"] * 3, "=", "1,2", {"name": "pca", "k": []})  # fmt: skip


def test_fields_that_hold_anything_are_declared_or_refused(tmp_path):
    """A short run with a fixed seed over every kind of study."""
    draw, path, read = random.Random(0), tmp_path / "study.yaml", 0
    for kind in ("sweep", "stack", "efficiency", "frontier", "generalize", "label-errors", "online-rl", "prevention"):
        fields = list(find("study", kind).model_fields)
        for _ in range(30):
            changed = {draw.choice(fields): draw.choice(ANYTHING) for _ in range(draw.randint(1, 2))}
            path.write_text(
                yaml.safe_dump({"study": kind, "data": "sycophancy", **changed}, allow_unicode=True), "utf-8"
            )
            with suppress(SteerstackError):
                read += bool(load_study(path).to_yaml())
    assert 0 < read < 200


@pytest.mark.parametrize(
    "changed",
    [{"vector": "https://evil.org/v"}, {"vector": "s3://evil/v"}, {"vector": "simplecache::http://evil.org/v"},
     {"method": {"name": "mean-difference", "more": [{"base_url": " HTTP://evil.org/v1 "}]}},
     {"data": "ssh://evil.org/d.jsonl"}, {"model": "http://evil.org/m"}],
)  # fmt: skip
def test_no_address_is_followed_on_a_files_word(tmp_path, changed):
    with pytest.raises(StudyError, match="none is followed") as caught:
        declared(tmp_path, **changed)
    assert "--follow" in caught.value.fix
    assert "evil" in caught.value.seen


def test_an_address_that_the_caller_names_is_followed(tmp_path):
    for vector in ("s3://mine/v", "hf://ann/v", "models:/v@best", "v.safetensors"):
        (tmp_path / "study.yaml").write_text(yaml.safe_dump({**RIGHT, "vector": vector}))
        assert load_study(tmp_path / "study.yaml", follow=["s3://mine/v"]).vector == vector


def test_a_key_that_is_given_twice_is_refused(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text("study: sweep\nlayers: [1]\nstudy: stack\n")
    with pytest.raises(StudyError, match="line 3: 'study' is given twice"):
        load_study(path)


TRICKS = [
    "x/../../..",
    "..",
    "/",
    "/etc/passwd",
    "~",
    "a/b",
    "热情 🔥",
    "💥",
    "%",
    "a b",
    "a-b",
    "x" * 400,
    "<b>",
    "[red]",
]


def test_every_behavior_has_a_folder_of_its_own_inside_the_home(tmp_path, own_home, llama):
    folders = set()
    for trick in TRICKS:
        study = declared(tmp_path, behavior=trick)
        data = DataSet(trick, load_data("sycophancy").items[:2], "", "here")
        place = folder_of(study, llama, data)
        assert place.resolve().parent == (own_home / "studies").resolve()
        folders.add(place.name.rsplit("-", 1)[0])
    assert len(folders) == len(TRICKS)


@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J", "\ud800", ""])
def test_a_data_sets_behavior_is_a_name(name):
    with pytest.raises(DataError, match="no name of a behaviour"):
        DataSet(name, load_data("sycophancy").items[:2], "", "here")


def test_starting_anew_removes_a_studys_folder_and_nothing_else(tmp_path, llama):
    study = declared(tmp_path, limit=16, layers=[1], scales=[1.0], nulls=0)
    home = tmp_path / "mine"
    home.mkdir()
    (home / "thesis.txt").write_text("all of it")
    with pytest.raises(StudyError, match="no study's folder"):
        study.run(llama, folder=home, fresh=True)
    (tmp_path / "link").symlink_to(home)
    with pytest.raises(StudyError, match="no study's folder"):
        study.run(llama, folder=tmp_path / "link", fresh=True)
    assert (home / "thesis.txt").read_text() == "all of it"
    place = tmp_path / "place"
    for _ in range(2):
        study.run(llama, folder=place, fresh=True)
        lines = (place / "ledger.jsonl").read_text().splitlines()
        assert len({yaml.safe_load(line)["key"] for line in lines}) == len(lines) > 0


def test_two_runs_of_one_study_at_once_never_double_it(tmp_path, llama):
    study = declared(tmp_path, limit=16, layers=[1], scales=[1.0], nulls=0)
    with alone(tmp_path / "place"), pytest.raises(StudyError, match="Another process"):
        study.run(llama, folder=tmp_path / "place", fresh=True)
    study.run(llama, folder=tmp_path / "place")


def test_a_multiplier_that_overflows_is_told_of(tmp_path, llama):
    study = declared(tmp_path, limit=16, layers=[1], scales=[1e308], nulls=0)
    with pytest.raises(ModelError, match="overflows under the arm Add"):
        study.run(llama, folder=tmp_path / "place")


def test_a_sweep_that_goes_on_makes_no_vector_again(tmp_path, llama, monkeypatch):
    """Neither its own nor those of its shuffled labels."""
    study = declared(tmp_path, limit=16, layers=[1], scales=[1.0], nulls=2)
    first = study.run(llama, folder=tmp_path / "place")
    streams = []
    monkeypatch.setattr(MeanDifference, "fit", lambda self, stream: streams.append(self))
    again = study.run(llama, folder=tmp_path / "place")
    assert streams == []
    assert again.to_json()["arms"] == first.to_json()["arms"]
    assert again.frame().equals(first.frame())
