"""The registry against ``mlflow server`` on PostgreSQL: the whole path, three clicks in a browser, and a server killed."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.support.browser import needs_chromium
from tests.support.vectors import longer
from typer.testing import CliRunner

from steerstack import load_vector
from steerstack.cli import app
from steerstack_registry.access.connection import quietly
from steerstack_registry.write.outbox import pending, record, send_all

pytestmark = pytest.mark.xdist_group("registry")
NAME = "myopia--Tiny-1B--mean-difference"
COMMAND = "steerstack stack --data myopia.csv --layers 1,3"


@pytest.fixture
def client(server):
    with quietly():
        from mlflow import MlflowClient
    return MlflowClient(server.address)


def checkout(folder):
    """Make a folder a git checkout of one commit; which one."""
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def run(*arguments):
    result = CliRunner().invoke(app, ["registry", *arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def vector_files(server):
    return set((server.folder / "artifacts").rglob("vector.safetensors"))


def test_the_whole_path(server, make_run, vector):
    at = ("--tracking-uri", server.address, "--json")
    before = vector_files(server)
    recorded = record(make_run(), server.address)
    assert recorded.tracking_uri == server.address
    listed = {row["name"] for row in json.loads(run("list", *at))}
    assert {name for name in listed if name.startswith("myopia--")} == {NAME, f"{NAME}--refitted-on-lora-sft"}
    assert json.loads(run("show", NAME, *at))["effects"]["effect/alone"]["value"] == pytest.approx(0.3)
    (run_row,) = json.loads(run("lineage", NAME, *at))["made_by"]
    assert run_row["run_id"] == recorded.run_id
    again = record(make_run(vectors={"base": longer(vector, 2)}), server.address)
    run("promote", f"models:/{NAME}/1", "--stage", "validated", *at)
    assert load_vector(f"models:/{NAME}@champion", tracking_uri=server.address).fingerprint == vector.fingerprint
    assert load_vector(again.model_uri, tracking_uri=server.address).fingerprint == (longer(vector, 2)).fingerprint
    compared = json.loads(run("compare", recorded.model_uri, again.model_uri, *at))
    assert set(compared["effects"]["effect/alone"]) == {recorded.model_uri, again.model_uri}
    assert NAME not in {row["name"] for row in json.loads(run("gc", *at))}
    # files went through the server into its artifact store, and the database is PostgreSQL's
    assert len(vector_files(server) - before) == 3
    assert server.database.startswith("postgresql")


def test_the_database_itself_keeps_files_in_the_home(server, make_run, own_home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recorded = record(make_run(behavior="directly"), server.database)
    assert load_vector(recorded.model_uri, tracking_uri=server.database)
    assert len(list((own_home / "artifacts").rglob("vector.safetensors"))) == 2
    assert not (tmp_path / "mlruns").exists()


@needs_chromium
@pytest.mark.browser
def test_three_clicks_from_an_effect_to_vector_data_code_and_command(
    server, make_run, client, browser, tmp_path, monkeypatch
):
    commit = checkout(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["/usr/bin/steerstack", *COMMAND.split()[1:]])
    recorded = record(make_run(behavior="clicks"), server.address)
    experiment = client.get_run(recorded.run_id).info.experiment_id
    vector_digest, data_digest = "d" * 64, make_run().data_digest
    # where effects are listed: the run's own page
    page = browser.open(f"{server.address}/#/experiments/{experiment}/runs/{recorded.run_id}", "effect/alone")
    vector = page.click(recorded.model_uri.split("/")[1], wait="Source run ID")  # one click: beside each effect
    for wanted in (COMMAND, commit, data_digest, vector_digest):
        assert vector.shows(wanted)  # all of it stands on the vector's page, unfolded
    assert vector.shows_picture("arms.png")
    back = vector.click("this run", wait="Run ID")  # and back, by a second
    assert recorded.run_id in back.url
    version = vector.click(f"{recorded.model_uri.split('/')[1]} 1", wait="Version 1")
    assert version.shows(COMMAND)
    report = vector.click("report.html", wait="report.html")
    assert "artifacts" in report.url
    # from the list of experiments: the view that compares vectors by effect and cost
    runs = browser.open(f"{server.address}/#/experiments/{experiment}/runs", "Vectors by effect and cost")
    view = runs.click("Vectors by effect and cost", wait="effect/alone")
    assert view.shows("shared view")
    assert view.shows("0.3")
    run_page = view.click("stack Tiny-1B mean-difference", wait="Run ID")
    assert recorded.run_id in run_page.url


_WRITERS = """
import os, sys, threading
sys.path.insert(0, {root!r})
import torch
from steerstack.contracts.recorder import Effect, RunRecord
from steerstack.steering.vector import Origin, SteeringVector
from steerstack_registry.write.outbox import KeptError, record
from steerstack_registry.access.connection import quietly

with quietly():
    import mlflow.pyfunc
assert threading.active_count() == 1, "a fork would be without the other threads"
address = sys.argv[1]
origin = Origin("mean-difference", {{}}, "response", "tiny", "f" * 64, "d" * 64, 9, "storm")
vector = SteeringVector({{3: torch.ones(8)}}, origin=origin)

def write(writer):
    for number in range(6):
        value = writer + number / 10
        effects = [Effect("effect/alone", value, value - 1, value + 1, 40)]
        run = RunRecord("stack", "storm", "tiny", "f" * 64, "storm", "d" * 64, "test", 40, {{"base": vector}}, effects,
                        result={{"value": value}}, card="# storm")
        try:
            record(run, address)
            said = "sent"
        except KeptError:
            said = "kept"
        os.write(1, f"{{writer}} {{said}}\\n".encode())  # whole, whoever else writes

writers = []
for writer in range(4):  # all that is imported is imported once
    pid = os.fork()
    if not pid:
        try:
            write(writer)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    writers.append(pid)
sys.exit(any(os.waitpid(pid, 0)[1] for pid in writers))
"""


def test_a_server_killed_among_four_writers_gets_every_effect_once(server, client, own_home):
    code = _WRITERS.format(root=str(Path(__file__).parents[3]))
    with subprocess.Popen([sys.executable, "-c", code, server.address], stdout=subprocess.PIPE, text=True) as writers:
        assert writers.stdout is not None
        lines = [writers.stdout.readline().split()]
        server.kill()  # somewhere in the work of all four
        while "kept" not in lines[-1]:
            lines.append(writers.stdout.readline().split())
            assert lines[-1], "all writers were through before the server was missed"
        server.start()
        lines += [line.split() for line in writers.stdout]
    assert writers.returncode == 0
    assert len(lines) == 24
    assert Counter(word for _, word in lines)["kept"] == len(pending()) > 0
    send_all(server.address)
    assert pending() == []

    experiment = client.get_experiment_by_name("steerstack/storm").experiment_id
    runs = client.search_runs([experiment])
    expected = sorted(round(writer + number / 10, 1) for writer in range(4) for number in range(6))
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert sorted(round(run.data.metrics["effect/alone"], 1) for run in runs) == expected
    (version,) = client.search_model_versions("name = 'storm--tiny--mean-difference'")  # one vector, registered once
    model = client.get_logged_model(version.source.removeprefix("models:/"))
    on_vector = [metric for metric in model.metrics if metric.key == "effect/alone"]
    assert sorted(round(metric.value, 1) for metric in on_vector) == expected
    assert {metric.run_id for metric in on_vector} == {run.info.run_id for run in runs}
