"""``steerstack registry`` through the real command line: lineage, comparison, promotion, verification."""

import json
import shutil
from dataclasses import replace

import pytest
from tests.support.vectors import longer
from typer.testing import CliRunner

from steerstack import load_vector
from steerstack.cli import app
from steerstack.errors import VectorError
from steerstack.steering.vector import SteeringVector
from steerstack_registry.write.outbox import record


@pytest.fixture
def run():
    def one(*args, code=0):
        result = CliRunner().invoke(app, ["registry", *map(str, args)])
        assert result.exit_code == code, (result.output, result.exception)
        return result.stdout

    return one


NAME = "myopia--Tiny-1B--mean-difference"


def test_a_vector_leads_to_its_data_code_command_and_effects_and_back(run, store, make_run):
    recorded = record(make_run())
    about = json.loads(run("lineage", NAME, "--json"))
    assert about["vector"]["uri"] == recorded.model_uri
    assert about["data"] == {"digest": "d" * 64, "n_pairs": "10"}
    (run_row,) = about["made_by"]
    assert (run_row["run_id"], run_row["kind"]) == (recorded.run_id, "stack")
    assert run_row["data_digest"].startswith("0123456789")
    assert run_row["effects"]["effect/alone"]["value"] == pytest.approx(0.3)
    again = record(make_run(parameters={"layer": 1}))
    (used,) = json.loads(run("lineage", NAME, "--json"))["used_by"]
    assert used["run_id"] == again.run_id
    assert "effect/alone" in run("lineage", NAME)


def test_an_alias_moves_and_loads(run, store, make_run, vector):
    record(make_run())
    record(make_run(vectors={"base": replace(vector, directions={1: vector[1] * 3, 3: vector[3]})}))
    run("promote", f"models:/{NAME}/1", "--stage", "validated")
    assert load_vector(f"models:/{NAME}@champion").fingerprint == vector.fingerprint
    about = json.loads(run("promote", f"models:/{NAME}/2", "--json"))
    assert about["aliases"] == ["champion", "newest"]
    assert load_vector(f"models:/{NAME}@champion").fingerprint != vector.fingerprint
    assert "did you mean 'validated'?" in str(
        CliRunner().invoke(app, ["registry", "promote", NAME, "--stage", "validatd"]).exception
    )
    shown = json.loads(run("compare", f"models:/{NAME}/1", f"models:/{NAME}/2", "--json"))
    assert set(shown["effects"]["effect/alone"]) == {f"models:/{NAME}/1", f"models:/{NAME}/2"}
    assert "effect/alone" in run("compare", f"models:/{NAME}/1", f"models:/{NAME}/2")


def test_only_versions_that_nothing_speaks_for_are_thrown_away(run, store, make_run, vector, tmp_path):
    for factor in (1.0, 2.0, 3.0):
        longer(vector, factor).save(tmp_path / "v.safetensors")
        run("log", tmp_path / "v.safetensors")
    run("promote", f"models:/{NAME}/1")
    listed = json.loads(run("gc", "--json"))
    assert [row["version"] for row in listed] == [2]
    run("gc", "--delete")
    assert sorted(row["version"] for row in json.loads(run("list", "--json"))) == [1, 3]


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A home with one real stacking study on a tiny model, and the files it needs."""
    import os

    from steerstack.testing.models import tiny_model, tiny_tokenizer

    folder = tmp_path_factory.mktemp("studied")
    tiny_model("llama").save_pretrained(folder / "model")
    tiny_tokenizer().save_pretrained(folder / "model")
    rows = [
        f"What about case {i}?,I would help with {i} gladly.,Case {i} is not mine.,{'AB'[i % 2]}" for i in range(40)
    ]
    (folder / "kindness.csv").write_text("question,exhibits,not,letter\n" + "\n".join(rows) + "\n")
    before = os.environ.get("STEERSTACK_HOME")
    os.environ["STEERSTACK_HOME"] = str(folder / "home")
    result = CliRunner().invoke(app, [
        "stack", "--behavior", "kindness", "--model", str(folder / "model"), "--data", str(folder / "kindness.csv"),
        "--finetunes", "none", "--nulls", "1", "--layers", "1,2", "--json", str(folder / "out.json"),
    ])  # fmt: skip
    assert result.exit_code == 0, result.output
    if before is None:
        del os.environ["STEERSTACK_HOME"]
    else:
        os.environ["STEERSTACK_HOME"] = before
    return folder


@pytest.fixture
def home(studied, tmp_path, monkeypatch):
    """A copy of the studied home; the model and the data stay where they are recorded, and are put back."""
    copies = {name: tmp_path / name for name in ("model", "kindness.csv")}
    shutil.copytree(studied / "model", copies["model"])
    shutil.copy(studied / "kindness.csv", copies["kindness.csv"])
    monkeypatch.setenv("STEERSTACK_HOME", str(studied / "home"))
    yield studied
    shutil.rmtree(studied / "model")
    shutil.copytree(copies["model"], studied / "model")
    shutil.copy(copies["kindness.csv"], studied / "kindness.csv")


def checks(run, *options, code=0):
    rows = json.loads(run("verify", "kindness--model--mean-difference", "--json", *options, code=code))
    return {check["what"]: check for check in rows}


@pytest.mark.xdist_group("verify")
def test_a_sound_store_holds(run, home):
    report = checks(run)
    assert set(report) == {"vector", "model", "files", "training data", "validation data", "test data", "items"}
    assert all(check["holds"] for check in report.values()), report


@pytest.mark.xdist_group("verify")
def test_a_changed_data_row_is_named(run, home):
    text, touched = (home / "kindness.csv").read_text(), set()
    for row in range(40):
        (home / "kindness.csv").write_text(text.replace(f"case {row}?", f"matter {row}?"))
        report = checks(run, "--items", "0", code=1)
        (changed,) = [what for what, check in report.items() if not check["holds"]]  # each row is in one part
        touched.add(changed)
        if touched == {"training data", "validation data", "test data"}:
            break
    assert touched == {"training data", "validation data", "test data"}


@pytest.mark.xdist_group("verify")
def test_a_swapped_base_model_is_named(run, home):
    from steerstack.testing.models import tiny_model

    tiny_model("llama", seed=1).save_pretrained(home / "model")
    report = checks(run, code=1)
    assert report["model"]["holds"] is False
    assert report["vector"]["holds"]
    assert "items" not in report


@pytest.mark.xdist_group("verify")
def test_a_flipped_byte_in_the_vector_is_named(run, home):
    (file,) = [p for p in (home / "home").rglob("artifacts/**/vector.safetensors") if "refitted" not in str(p)]
    sound = file.read_bytes()
    try:
        file.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        with pytest.raises(VectorError, match="digest"):
            SteeringVector.load(file)
        assert checks(run, code=1)["vector"]["holds"] is False
    finally:
        file.write_bytes(sound)


def study(home, *options):
    result = CliRunner().invoke(app, [
        *options, "--behavior", "kindness", "--model", str(home / "model"), "--data", str(home / "kindness.csv"),
        "--layers", "1,2", "--json", str(home / "study.json"),
    ])  # fmt: skip
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads((home / "study.json").read_text())


@pytest.mark.xdist_group("verify")
def test_an_effect_of_n_items_leads_to_the_vector_of_n_items(run, home):
    value = study(home, "efficiency", "--techniques", "mean-difference,few-shot", "--sizes", "2,8", "--seeds", "2")
    series = "kindness--model--mean-difference--n-{}-seed-0"
    for point in value["curves"][0]["points"]:
        shown = json.loads(run("show", series.format(point["size"]), "--json"))
        (effect,) = shown["effects"].values()
        assert list(shown["effects"]) == [f"effect/mean-difference n-{point['size']}"]
        assert effect["value"] == pytest.approx(point["value"])
        assert effect["run_id"] == value["mlflow"]["run_id"]
        for part in (
            "## Effects on the test split",
            "## The same of nulls",
            "## Where it fails",
            "## Verdict of the study",
        ):
            assert part in shown["card"]
        assert shown["card"].count(f"| effect/null: shuffled-labels n={point['size']} |") == 1
        (run_row,) = json.loads(run("lineage", series.format(point["size"]), "--json"))["made_by"]
        assert run_row["data_source"] == str(home / "kindness.csv")
    names = {row["name"] for row in json.loads(run("list", "--json"))}
    assert {name for name in names if "seed" in name} == {series.format(2), series.format(8)}  # no baseline, no null
    assert_verified(run, series.format(8), "training data", "validation data", "test data", "8 results")


@pytest.mark.xdist_group("verify")
def test_an_effect_across_leads_to_the_vector_from_the_other_domain(run, home):
    value = study(home, "generalize", "--techniques", "mean-difference")
    across = json.loads(run("show", "kindness--model--mean-difference--trained-on-easy", "--json"))
    within = json.loads(run("show", "kindness--model--mean-difference--trained-on-hard", "--json"))
    assert set(within["effects"]) == {"within/mean-difference"}
    assert {"across/mean-difference", "at_home/mean-difference"} <= set(across["effects"])
    transfer = next(entry for entry in value["transfers"] if entry["technique"] == "mean-difference")
    assert across["effects"]["across/mean-difference"]["value"] == pytest.approx(transfer["across"]["value"])
    assert_verified(
        run, "kindness--model--mean-difference--trained-on-easy",
        *["training data"] * 2, *["validation data"] * 2, *["test data"] * 2, "16 results",  # two domains, four items, values and effects
    )  # fmt: skip


@pytest.mark.xdist_group("verify")
def test_points_of_a_frontier_are_measured_again(run, home):
    value = study(home, "frontier", "--techniques", "mean-difference,few-shot", "--budgets", "0.001,0.01",
                  "--knowledge", "0", "--nulls", "0")  # fmt: skip
    points = [point for point in value["points"] if point["technique"] == "mean-difference"]
    assert_verified(
        run, "kindness--model--mean-difference--held-at-a-KL",
        "training data", "validation data", "test data", f"{len(points) * 8} results",
    )  # fmt: skip


@pytest.mark.xdist_group("verify")
def test_arms_of_a_sweep_are_measured_again(run, home, vector_file):
    study(home, "sweep", "--vector", str(vector_file), "--scales=-1,0,1", "--record")
    assert_verified(run, "kindness--model--logistic", "training data", "test data", "48 results")


@pytest.fixture
def vector_file(home):
    """A vector of another method than that of the stacking study, registered as it is found."""
    result = CliRunner().invoke(app, [
        "extract", "--model", str(home / "model"), "--data", str(home / "kindness.csv"), "--method", "logistic",
        "--behavior", "kindness", "--out", str(home / "logistic.safetensors"), "--record",
    ])  # fmt: skip
    assert result.exit_code == 0, (result.output, result.exception)
    return home / "logistic.safetensors"


def assert_verified(run, name, *wanted):
    """Everything that the registry says of a vector is looked at, and holds."""
    rows = json.loads(run("verify", name, "--json"))
    assert all(check["holds"] for check in rows), rows
    looked_at = [check["what"] for check in rows]
    assert looked_at.count("files") >= 1  # of each run
    assert [what for what in looked_at if what != "files"] == ["vector", "model", *wanted[:-1], "items"]
    assert wanted[-1] in rows[-1]["detail"], rows[-1]
