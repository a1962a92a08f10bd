"""Studies from files and from options, through the real command line, on a tiny model."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from scipy import stats
from statsmodels.stats.multitest import multipletests
from typer.testing import CliRunner

from steerstack.cli import app
from steerstack.errors import PluginError, StudyError
from steerstack.study.study_file import load_study


@pytest.fixture
def run():
    def one(*args):
        return CliRunner().invoke(app, [str(a) for a in args], catch_exceptions=False)

    return one


@pytest.fixture
def write(tmp_path, tiny_folder, table):
    def one(**fields):
        path = tmp_path / "study.yaml"
        common = {"model": str(tiny_folder), "data": str(table), "behavior": "kindness", "layers": [1, 2]}
        path.write_text(yaml.safe_dump({**common, **fields}))
        return path

    return one


def test_efficiency_from_a_file_gives_report_frame_and_record(run, write, tmp_path):
    file = write(study="efficiency", techniques=["mean-difference", {"name": "logistic", "l2": 2.0}],
                 sizes=[4, 8], seeds=2, noise=[0.0, 0.25], shares=[0.2])  # fmt: skip
    out, report, figures = tmp_path / "result.json", tmp_path / "report.html", tmp_path / "figures"
    result = run("run", file, "--json", out, "--report", report, "--figures", figures)
    assert result.exit_code == 0, result.output
    value = json.loads(out.read_text())
    real = {"mean-difference", "logistic"}
    nulls = {"null: random", "null: shuffled-labels", "neighbor: hallucination"}
    assert {c["technique"] for c in value["curves"]} == real | nulls
    assert {(e["technique"], e["null"]) for e in value["against_nulls"]} == {(a, b) for a in real for b in nulls}
    assert {e["first"] for e in value["crossings"]} <= real
    assert value["mlflow"]["run_id"]
    frame = pd.read_parquet(value["frame"])
    point = next(c for c in value["curves"] if (c["technique"], c["noise"]) == ("logistic", 0.25))["points"][-1]
    mine = frame.query("technique == 'logistic' and noise == 0.25 and n == 8")
    assert point["value"] == pytest.approx(mine.effect.mean())
    page = report.read_text()
    assert value["verdict"].split(".")[0] in page
    assert page.count("<svg") == 4  # clean and noisy labels, each for wide and for narrow pages
    assert (tmp_path / "report-curves.png").stat().st_size > 5000
    assert {path.name for path in figures.glob("*curves*")} == {"curves.pdf", "curves.png"}
    assert (figures / "table-effect-at-each-size.tex").read_text().count("mean-difference") == 4
    again = run("run", file, "--json", tmp_path / "again.json", "--report", report, "--no-record")
    assert again.exit_code == 0
    assert json.loads((tmp_path / "again.json").read_text())["curves"] == value["curves"]


def test_generalize_from_options(run, tmp_path, tiny_folder, table):
    out = tmp_path / "result.json"
    result = run(
        "generalize", "--model", tiny_folder, "--data", table, "--behavior", "kindness", "--layers", "1,2",
        "--techniques", "mean-difference,lda", "--shift", "system=Be brief.", "--no-record", "--json", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    value = json.loads(out.read_text())
    assert (value["declared"]["source"], value["declared"]["target"]) == ("bare", "prompted")
    assert [t["technique"] for t in value["transfers"]][:2] == ["mean-difference", "lda"]
    assert len(value["against_nulls"]) == 6
    for name, test in value["null_tests"].items():
        sizes = {t["technique"]: abs(t["across"]["value"]) for t in value["transfers"]}
        assert test["p"]["random"] == (1.0 if sizes["null: random"] >= sizes[name] else 0.5)
    assert "that takes 39 of each family" in value["verdict"]


def test_sweep_and_stack_from_files(run, write, tmp_path):
    out = tmp_path / "result.json"
    swept = run("run", write(study="sweep", scales=[-1, 1], position="response"), "--json", out)
    assert swept.exit_code == 0, swept.output
    value = json.loads(out.read_text())
    assert len(value["arms"]) == 4
    assert {null["family"] for null in value["nulls"]} == {"random", "shuffled labels"}
    assert [near["family"] for near in value["neighbors"]] == ["other behaviour"] * 2  # at each layer
    assert value["steerability"].keys() == {"1", "2"}
    assert [[arm["label"] for arm in item["arms"]] for item in value["samples"]["items"]] == [
        ["unsteered", "layer 2, scale 1", "layer 2, scale -1"]
    ] * 3
    assert "What the model says" in swept.output
    assert Path(value["report"]).exists()
    stacked = run("run", write(study="stack", finetunes=[], nulls=1), "--json", out, "--no-record")
    assert stacked.exit_code == 0, stacked.output
    value = json.loads(out.read_text())
    assert value["verdict"]
    redone = redo(pd.read_parquet(value["frame"]))
    mine = [entry for entry in value["interactions"] if entry["scale"] == "log-odds"]
    assert [tuple(entry["of"]) for entry in mine] == [("vector", "few-shot")]  # the table has no system prompts
    for entry in mine:
        interval, p = redone[tuple(entry["of"])]
        estimate = entry["estimate"]
        assert [estimate["value"], estimate["ci_low"], estimate["ci_high"], entry["p"]] == pytest.approx([*interval, p])
    corrected = multipletests([p for _, p in redone.values()], method="holm")[1]
    assert [entry["p_holm"] for entry in mine] == pytest.approx(list(corrected))


def redo(frame):
    """The interactions of a stacking study, by scipy alone, from the frame that it exports."""
    arms = frame.pivot_table(index="item", columns=["prompt", "vector"], values="log_odds", sort=False)
    contrast = (
        arms["few-shot", "positive"] - arms["few-shot", "none"] - arms["none", "positive"] + arms["none", "none"]
    ).to_numpy()
    test = stats.ttest_1samp(contrast, 0.0)
    bounds = test.confidence_interval(0.95)
    return {("vector", "few-shot"): ((contrast.mean(), bounds.low, bounds.high), test.pvalue)}


def test_a_wrong_declaration_is_refused_by_name(write, tmp_path):
    with pytest.raises(StudyError, match="unknown field 'sizess'") as caught:
        load_study(write(study="efficiency", techniques=["pca"], sizess=[1]))
    assert "did you mean 'sizes'?" in str(caught.value)
    with pytest.raises(PluginError, match="no study called 'eficiency'") as caught:
        load_study(write(study="eficiency"))
    assert "did you mean 'efficiency'?" in str(caught.value)
    with pytest.raises(StudyError, match="'seeds'"):
        load_study(write(study="efficiency", techniques=["pca"], seeds="many"))
    (tmp_path / "broken.yaml").write_text("study: [")
    with pytest.raises(StudyError, match="cannot be read as YAML"):
        load_study(tmp_path / "broken.yaml")


@pytest.mark.parametrize(
    "name",
    [
        "sweep",
        "stack",
        "efficiency",
        "generalize",
        "label-errors",
        "gates",
        "frontier",
        "online-rl",
        "prevention",
        "read-out",
    ],
)
def test_the_examples_are_declarations(name, request):
    assert load_study(request.config.rootpath / "examples" / "studies" / f"{name}.yaml").name == name
