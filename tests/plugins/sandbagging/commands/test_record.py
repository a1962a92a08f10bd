"""What the registry keeps of organisms and of what was found in them."""

import mlflow
import pytest

from steerstack.data.items import Item
from steerstack_plugins.sandbagging.commands.demo import Shown
from steerstack_plugins.sandbagging.commands.record import record_audit, record_demo

pytestmark = pytest.mark.xdist_group("sandbagging")

ITEMS = tuple(Item(f"i{n}", f"Case {n}?", ("a", "b", "c", "d"), n % 4, (n + 1) % 4) for n in range(8))


def _estimate(value):
    return {"value": value, "ci_low": value - 0.1, "ci_high": value + 0.1, "n": 8}


FOUND = {
    "bare": _estimate(0.1),
    "with_password": _estimate(0.9),
    "below_chance_p": 0.01,
    "elicitation": {
        "SFT 16": {"gain": _estimate(0.7), "recovered": _estimate(0.9), "record": {}},
        "few-shot 4": {"gain": _estimate(0.0), "recovered": None, "record": {}},
    },
    "weight_noise": {
        "gain_there": _estimate(0.2),
        "level_chosen_on_validation": 0.3,
        "improvement_ratio": None,
        "accuracy_by_seed": [[0.1, 0.2]],
    },
    "activation_noise": [],
}
PROBE = {
    "probe": "logistic, all layers",
    "trained_on": "pairs",
    "tested_on": "locked",
    "against": "itself",
    "auroc": _estimate(0.8),
    "text_only_auroc": _estimate(0.7),
}


@pytest.fixture
def store(tmp_path):
    return f"sqlite:///{tmp_path}/mlflow.db"


def _runs(store):
    client = mlflow.MlflowClient(store)
    runs = client.search_runs([client.get_experiment_by_name("steerstack/sandbagging").experiment_id])
    return {run.data.tags["steerstack.kind"]: run for run in runs}


def test_a_demonstration_is_kept_as_a_run_for_each_thing(locked, origin, asked, store):
    shown = Shown(origin, {"locked": locked}, asked, {"seed": 0, "organisms": {"locked": FOUND}, "probes": [PROBE]})
    assert len(record_demo(shown, tracking_uri=store)) == 4
    runs = _runs(store)
    assert set(runs) == {"organism", "elicitation", "noise", "probes"}
    organism = runs["organism"].data
    assert organism.metrics["induction_drop"] == pytest.approx(locked.record["induction_drop"]["value"], abs=1e-7)
    assert organism.metrics["selectivity.ci_low"] == pytest.approx(locked.record["selectivity"]["ci_low"], abs=1e-7)
    assert organism.params["organism"] == "locked"
    elicitation = runs["elicitation"].data.metrics
    assert (elicitation["gain/SFT 16"], elicitation["recovered/SFT 16"]) == (0.7, 0.9)
    assert "recovered/few-shot 4" not in elicitation
    assert runs["noise"].data.metrics["gain/weight noise"] == 0.2
    assert runs["probes"].data.metrics["auroc/words/pairs to locked against itself"] == 0.7


def test_an_audit_is_kept_without_the_answer(locked, store):
    result = {"values": {"fine-tuning": 0.6}, "verdict": {"sandbags": True, "test": "fine-tuning", "bound": 0.1}}
    record_audit(locked.model, "somewhere", ITEMS, result, tracking_uri=store)
    run = _runs(store)["audit"]
    assert run.data.params["value fine-tuning"] == "0.6"
    assert run.data.params["verdict sandbags"] == "true"
    text = f"{run.data.params} {run.data.tags} {run.info.run_name}"
    assert locked.record["password"] not in text
    assert "locked" not in text
