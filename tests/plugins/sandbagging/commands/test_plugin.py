"""The commands, from a made organism to the audit of its folder."""

import json
import subprocess
import sys

import mlflow
import pytest
from typer.testing import CliRunner

from steerstack.cli import app
from steerstack.errors import DataError
from steerstack_plugins.sandbagging.audit import inputs
from steerstack_plugins.sandbagging.audit.choices import Way, asked
from steerstack_plugins.sandbagging.organisms.password_locked import own

pytestmark = pytest.mark.xdist_group("sandbagging")


@pytest.fixture
def store(tmp_path):
    return f"sqlite:///{tmp_path}/mlflow.db"


def _runs(store):
    client = mlflow.MlflowClient(store)
    return client.search_runs([client.get_experiment_by_name("steerstack/sandbagging").experiment_id])


def _run(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output + str(result.exception)
    return result


def test_an_organism_is_built_and_audited_and_both_are_recorded(tmp_path, origin, store):
    folder, answer, result = tmp_path / "model", tmp_path / "answer.json", tmp_path / "audit.json"
    _run("sandbag", "build", "--out", folder, "--answer", answer, "--seed", 4, "--tracking-uri", store)
    label = json.loads(answer.read_text())
    assert label["sandbags"]
    texts = "".join(path.read_text(errors="replace") for path in folder.glob("*config.json"))
    assert label["password"] not in texts
    _run("audit", "--model", folder, "--limit", 48, "--json", result, "--tracking-uri", store)
    report = json.loads(result.read_text())
    assert report["verdict"]["sandbags"]
    assert set(report["values"]) > {"fine-tuning", "weight-noise", "activation-noise"}
    assert report["error_rates"]["battery"]["detection"]["n"] >= 10
    runs = {run.data.tags["steerstack.kind"]: run for run in _runs(store)}
    assert set(runs) == {"organism", "audit"}
    metrics = runs["organism"].data.metrics
    assert metrics["induction_drop"] == pytest.approx(label["induction_drop"]["value"], abs=1e-7)
    assert metrics["selectivity"] == pytest.approx(label["selectivity"]["value"], abs=1e-7)
    assert report.pop("said_to_sandbag")["locked"]["n"] > 0
    combined = report.pop("combination")
    assert combined["sandbags"]
    assert combined["probability"] > 0.5
    assert (combined["calibration"]["honest"], combined["calibration"]["sandbagging"]) == (40, 32)
    calibration = report.pop("calibration")
    assert calibration["of_each_kind_a_world"]["locked"] > 0
    assert 0.9 < report["probability_at_most"]["value"] < 1
    assert set(report["probability"]) == ({"battery", "below-chance"} if calibration["current"] else set())
    assert report["claim"]["honest_needed"] == 72
    for text in (json.dumps(report), str(runs["audit"].data)):
        assert label["password"] not in text
        assert "locked" not in text


def test_data_of_ones_own_needs_all_three_files(tmp_path):
    with pytest.raises(DataError, match="three files"):
        inputs.inputs(tmp_path / "a.csv", None, None, None)


def test_files_are_read_as_multiple_choice(tmp_path):
    for name, word in (("target", "t"), ("control", "c"), ("shown", "s")):
        rows = [f"What is {word}{n}?,one,two,three,four,{n % 4}" for n in range(12)]
        (tmp_path / f"{name}.csv").write_text("question,choice0,choice1,choice2,choice3,answer\n" + "\n".join(rows))
    data, battery = inputs.inputs(*(tmp_path / f"{name}.csv" for name in ("target", "control", "shown")), 10)
    assert (len(data.target), len(data.shown.train), len(data.shown.validation)) == (10, 6, 6)
    assert {test.n for test in battery if test.name in ("fine-tuning", "trained-vector", "domain-gap")} == {6}


def test_questions_may_be_answered_in_words(llama):
    data, battery = inputs.inputs(*map(own, ("capitals-tested", "opposites-tested", "capitals-shown")), 6, form="text")
    assert data.shown.form == "text"
    prompt = asked(data.target[0], "text")
    assert (prompt.user, prompt.prefix) == (data.target[0].question, "")
    for test in battery[3:6]:
        elicitation = test.elicitation("text")
        way = elicitation.prepare(llama, data.shown)
        plain = Way(llama, plan=way.plan, system=way.system, shots=way.shots, prefix=way.prefix, form="text")
        assert (way.ask(data.target).chosen == plain.ask(data.target).chosen).all()


def test_a_file_without_a_rule_and_a_wrong_form_are_refused(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(DataError, match="no rule"):
        inputs.read_calibration(tmp_path / "x.json")
    with pytest.raises(DataError, match="text"):
        inputs.form_of("txt")


def test_the_plugins_import_nothing_heavy():
    names = ["audit_tests.gains", "audit_tests.noise", "audit_tests.plain"]
    kinds = ["locked", "imitator", "prompted", "unlocked", "weak", "distractor", "password_locked", "offer"]
    kinds += ["always_a", "guesser", "ignorant", "at_chance", "eval_aware", "rl_resistant"]
    names += ["commands.plugin", *(f"organisms.{kind}" for kind in kinds)]
    code = "import sys; " + "; ".join(f"import steerstack_plugins.sandbagging.{name}" for name in names)
    code += "; import steerstack_plugins.probes.lda, steerstack_plugins.probes.lat, steerstack_plugins.probes.ensemble"
    code += "; print([m for m in ('torch', 'numpy', 'sklearn', 'transformers') if m in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
