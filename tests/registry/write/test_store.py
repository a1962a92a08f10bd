"""What a recorded run leaves in MLflow, read back with MLflow's own client."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.vectors import longer

from steerstack.contracts import AblateInTraining
from steerstack.contracts.recorder import Effect, Recorded, RunRecord
from steerstack.errors import RegistryError
from steerstack.steering.vector import SteeringVector
from steerstack_registry.access import location, names
from steerstack_registry.read import listing
from steerstack_registry.read.load_vector import load_vector
from steerstack_registry.read.verify import verify
from steerstack_registry.write.outbox import pending, record
from steerstack_registry.write.store import MLflowStore

Make = Callable[..., RunRecord]
NAME = "myopia--Tiny-1B--mean-difference"


@pytest.fixture
def client(store: str):  # type: ignore[no-untyped-def]
    from mlflow import MlflowClient

    return MlflowClient(store)


def _record(run: RunRecord) -> Recorded:
    return record(run)


def test_the_vector_carries_the_effects_and_the_links(store: str, client, make_run: Make) -> None:  # type: ignore[no-untyped-def]
    recorded = _record(make_run())
    assert recorded.tracking_uri == store
    assert recorded.model_uri == f"models:/{NAME}/1"
    run = client.get_run(recorded.run_id)
    version = client.get_model_version(NAME, "1")
    model = client.get_logged_model(version.source.removeprefix("models:/"))

    assert model.model_type == "steering-vector"
    assert model.source_run_id == recorded.run_id
    assert model.params["layers"] == "1,3"
    assert model.params["d_model"] == "8"
    assert model.params["model_fingerprint"] == "f" * 64
    metrics = {metric.key: metric for metric in model.metrics}
    assert metrics["effect/alone"].value == pytest.approx(0.3)
    assert metrics["effect/alone.ci_low"].value == pytest.approx(0.1)
    assert metrics["effect/alone.n"].value == 20
    assert metrics["effect/alone"].run_id == recorded.run_id
    assert metrics["effect/alone"].dataset_name == "myopia-test"
    assert metrics["effect/alone"].dataset_digest == ("0123456789" * 6)[:36]
    assert "interaction/promptxvector positive" not in metrics  # NaN

    assert model.model_id in {output.model_id for output in run.outputs.model_outputs}
    assert len(run.outputs.model_outputs) == 2
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.digest == ("0123456789" * 6)[:36]
    assert json.loads(data.dataset.source)["digest"] == "0123456789" * 6 + "abcd"
    assert json.loads(data.dataset.profile)["num_items"] == 20
    assert [(tag.key, tag.value) for tag in data.tags] == [("mlflow.data.context", "test")]
    assert run.info.status == "FINISHED"
    assert run.data.params["layers"] == "[1, 3]"
    assert run.data.tags["steerstack.kind"] == "stack"
    assert run.data.tags["steerstack.version"]
    assert run.data.tags["steerstack.model_uri"] == recorded.model_uri


def test_each_effect_is_its_own_vectors(client, make_run: Make, vector: SteeringVector) -> None:  # type: ignore[no-untyped-def]
    effects = [
        Effect("across/pca", 0.3, 0.1, 0.5, 20, "pca trained on easy"),
        Effect("within/pca", 0.2, -0.1, 0.5, 20, "pca trained on hard"),
        Effect("across/lora-sft", 0.9, 0.8, 1.0, 20, "lora-sft trained on easy"),
    ]
    vectors = {"pca trained on easy": vector, "pca trained on hard": longer(vector, 2.0)}
    recorded = _record(make_run(vectors=vectors, effects=effects, card="It moves."))
    keys_by_role = {}
    for role in ("easy", "hard"):
        version = client.get_model_version(f"{NAME}--pca-trained-on-{role}", "1")
        model = client.get_logged_model(version.source.removeprefix("models:/"))
        keys_by_role[role] = {metric.key for metric in model.metrics}
        assert "Run it again" in version.description
        assert f"models/{model.model_id}" in version.description
    assert "across/pca" in keys_by_role["easy"]
    assert "within/pca" in keys_by_role["hard"]
    assert not keys_by_role["easy"] & keys_by_role["hard"]
    assert "effect cannot be told apart from none: +0.200 [-0.100, +0.500]" in version.description
    metrics = client.get_run(recorded.run_id).data.metrics
    assert metrics["across/lora-sft"] == pytest.approx(0.9)  # the run's, and no vector's
    assert not any("across/lora-sft" in keys for keys in keys_by_role.values())


def test_versions_have_alias_tags_and_card(client, make_run: Make) -> None:  # type: ignore[no-untyped-def]
    _record(make_run())
    version = client.get_model_version_by_alias(NAME, names.NEWEST)
    assert version.description.startswith("# A card\n\n**it helps**\n\n![arms.png](get-artifact?path=")
    assert "| effect/alone | +0.300 [+0.100, +0.500] | 20 |" in version.description
    answer, _, origin = version.description.partition("## Where it is from")
    assert "It helps." in answer
    assert origin.startswith(f"\n\n- **Vector** (base) [{NAME} 1](#/models/{NAME}/versions/1)")
    assert "digest" not in answer
    model = client.get_logged_model(version.source.removeprefix("models:/"))
    assert model.tags["mlflow.note.content"] == version.description
    assert version.tags["steerstack.method"] == "mean-difference"
    assert version.tags["steerstack.data_digest"] == "d" * 64
    assert version.run_id is not None
    refitted = client.get_model_version(f"{NAME}--refitted-on-lora-sft", "1")
    assert refitted.tags["steerstack.role"] == "refitted on lora-sft"


def test_files_go_where_they_are_looked_for(client, make_run: Make) -> None:  # type: ignore[no-untyped-def]
    recorded = _record(make_run())
    paths = {entry.path for folder in ("", "report", "figures")
             for entry in client.list_artifacts(recorded.run_id, folder) if not entry.is_dir}  # fmt: skip
    assert client.list_artifacts(recorded.run_id, "figures/small")[0].path == "figures/small/arms.png"
    assert paths == {"report/report.html", "figures/arms.png", "grid.csv", "result.json", "card.md", "effects.json",
                     "checksums.json"}  # fmt: skip
    path = client.download_artifacts(recorded.run_id, "result.json")
    assert json.loads(Path(path).read_text()) == {"verdict": "it helps", "odds": None}


def test_a_known_vector_is_measured_again_not_registered_again(client, make_run: Make) -> None:  # type: ignore[no-untyped-def]
    first = _record(make_run(kind="extract", effects=()))
    second = _record(make_run(card="# Better"))
    assert second.model_uri == first.model_uri
    assert len(client.search_model_versions(f"name = '{NAME}'")) == 1
    used = client.get_run(second.run_id).inputs.model_inputs
    version = client.get_model_version(NAME, "1")
    assert version.source in {f"models:/{one.model_id}" for one in used}
    assert version.description.startswith("# Better\n")
    assert f"/runs/{second.run_id})" in version.description
    # The effects of the newest run are the ones shown.
    third = _record(
        make_run(effects=[replace(make_run().effects[0], value=0.4)], card="# It is +0.400 [+0.100, +0.500]")
    )
    shown = listing.show_vector(NAME)
    assert shown["effects"]["effect/alone"]["value"] == pytest.approx(0.4)
    assert shown["effects"]["effect/alone"]["run_id"] == third.run_id
    assert shown["card"].startswith("# It is +0.400 [+0.100, +0.500]\n")
    assert shown["card"].count("+0.400 [+0.100, +0.500]") == 2  # in its title, and in the table above it


def test_the_same_directions_of_another_origin_are_a_new_version(
    vector: SteeringVector, client, make_run: Make
) -> None:  # type: ignore[no-untyped-def]
    _record(make_run())
    other = replace(vector, origin=replace(vector.origin, data_digest="e" * 64))
    recorded = _record(make_run(vectors={"base": other}))
    assert recorded.model_uri == f"models:/{NAME}/2"
    assert client.get_model_version_by_alias(NAME, names.NEWEST).version == 2
    assert load_vector(f"models:/{NAME}@newest").origin.data_digest == "e" * 64
    assert load_vector(f"models:/{NAME}/latest").origin.data_digest == "e" * 64
    assert load_vector(f"models:/{NAME}/1").origin == vector.origin
    in_training = AblateInTraining(vector=f"models:/{NAME}@newest", layers=(1,))
    assert in_training.vector.origin == other.origin
    rows = listing.list_vectors()
    assert [(row["version"], row["aliases"]) for row in rows if row["name"] == NAME] == [(2, ["newest"]), (1, [])]


def test_a_run_without_a_vector(client, make_run: Make) -> None:  # type: ignore[no-untyped-def]
    recorded = _record(make_run(vectors={}))
    assert recorded.model_uri == ""
    assert client.get_run(recorded.run_id).data.metrics["effect/alone"] == pytest.approx(0.3)


def test_odd_names_and_long_values_are_taken(make_run: Make, vector: SteeringVector) -> None:
    odd = replace(vector, origin=replace(vector.origin, method="a/b: c"))
    effect = replace(make_run().effects[0], name="effect/vector (lora) 50%")
    run = make_run(
        behavior="wealth:seeking", vectors={"base": odd}, effects=[effect],
        parameters={"text (long)": "x" * 9000}, card="y" * 9000,
    )  # fmt: skip
    name = r"models:/wealth-seeking-[0-9a-f]{8}--Tiny-1B--a-b-c-[0-9a-f]{8}/1"
    assert re.fullmatch(name, _record_direct(run).model_uri)


@pytest.fixture(autouse=True)
def _use_the_store(store: str) -> None:
    """Every test here works on the default store."""


def _record_direct(run: RunRecord) -> Recorded:
    from steerstack_registry.access import location

    return MLflowStore(location.resolve()).record(run)


def test_two_files_of_one_name_are_both_kept(client, make_run: Make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    paths = [tmp_path / folder / "a.csv" for folder in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(path.parent.name)
    recorded = _record(make_run(files=paths))
    assert {entry.path for entry in client.list_artifacts(recorded.run_id)} >= {"a.csv", "1-a.csv"}


def test_the_callers_own_mlflow_is_left_alone(
    make_run: Make, tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    import mlflow

    cwd = tmp_path / "cwd"
    cwd.mkdir()
    monkeypatch.chdir(cwd)
    shutil.copy(empty_store, tmp_path / "theirs.db")
    theirs = f"sqlite:///{tmp_path / 'theirs.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", theirs)
    own = f"sqlite:///{Path(os.environ['STEERSTACK_HOME']) / 'mlflow.db'}"
    assert record(make_run(), own).tracking_uri == own
    assert os.environ["MLFLOW_TRACKING_URI"] == theirs
    assert mlflow.get_tracking_uri() == theirs
    assert mlflow.active_run() is None
    assert list(cwd.iterdir()) == []
    assert record(make_run()).tracking_uri == theirs  # the variable is respected


def test_unknown_vectors_are_named_with_the_nearest(make_run: Make) -> None:
    _record(make_run())
    with pytest.raises(RegistryError, match="did you mean"):
        listing.show_vector("myopia--Tiny-1B--mean-diference")
    with pytest.raises(RegistryError, match="did you mean"):
        verify("myopia--Tiny-1B--mean-diference")
    with pytest.raises(RegistryError, match="There are versions 1, and aliases newest"):
        load_vector(f"models:/{NAME}/7")
    with pytest.raises(RegistryError, match="There are versions 1, and aliases newest"):
        load_vector(f"models:/{NAME}@champion")
    with pytest.raises(RegistryError, match="There is no models:/m-0 in the registry"):
        load_vector("models:/m-0")
    with pytest.raises(RegistryError, match="does not name"):
        load_vector("runs:/abc")


def test_a_missing_file_is_told_before_anything_is_recorded(client, make_run: Make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RegistryError, match="missing"):
        _record(make_run(files=[tmp_path / "nowhere.html"]))
    assert client.get_experiment_by_name("steerstack/myopia") is None
    assert pending() == []


def test_log_vector_outside_a_run(store: str, vector: SteeringVector) -> None:
    first = MLflowStore(store).log_vector(vector, "myopia", card="# Card")
    again = MLflowStore(store).log_vector(vector, "myopia")
    assert (first.new, again.new) == (True, False)
    assert again.uri == first.uri == f"models:/{NAME}/1"


def test_the_data_source_can_be_read_back(client, make_run: Make) -> None:  # type: ignore[no-untyped-def]
    from steerstack_registry.write.dataset import SteerstackSource

    recorded = _record(make_run())
    (data,) = client.get_run(recorded.run_id).inputs.dataset_inputs
    source = SteerstackSource.from_json(data.dataset.source)
    assert (source.source, source.behavior) == ("myopia", "myopia")
    recorded = _record(make_run(data_source=source.load().source))  # as a study names it: steerstack:myopia
    (data,) = client.get_run(recorded.run_id).inputs.dataset_inputs
    assert SteerstackSource.from_json(data.dataset.source).load().digest == source.load().digest


def test_even_the_default_experiment_is_not_in_the_current_folder(empty_store: Path) -> None:
    from mlflow import MlflowClient

    location = MlflowClient(f"sqlite:///{empty_store}").get_experiment("0").artifact_location
    assert location.startswith((empty_store.parent / "artifacts").as_uri())


_BOTH = """
import os, sys
from steerstack_registry.access.connection import quietly, reaching
with quietly():
    import mlflow
children = []
for _ in range(2):  # all that is imported is imported once
    children.append(os.fork())
    if not children[-1]:
        with reaching(sys.argv[1], make=True) as client:
            os._exit(0 if client.search_experiments() else 1)
sys.exit(any([os.waitpid(pid, 0)[1] for pid in children]))
"""


def test_two_processes_may_make_the_store_at_once(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    process = subprocess.run([sys.executable, "-c", _BOTH, uri], capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize(
    ("uri", "place"),
    [("sqlite:////a/mlflow.db", "mlflow-artifacts:/1"), ("http://far", "file:///nowhere/on/this/machine")],
)
def test_files_that_would_go_astray_are_refused(uri: str, place: str) -> None:
    with pytest.raises(RegistryError, match="cannot be written from here"):
        location.check_place(uri, "steerstack/myopia", place)
    location.check_place("http://far", "steerstack/myopia", "mlflow-artifacts:/1")
    location.check_place("http://far", "steerstack/myopia", "s3://bucket/1")


def test_nothing_is_recorded_where_files_would_go_astray(store: str, client, make_run: Make) -> None:  # type: ignore[no-untyped-def]
    experiment = client.create_experiment("steerstack/myopia", artifact_location="mlflow-artifacts:/1")
    with pytest.raises(RegistryError, match="cannot be written from here"):
        MLflowStore(store).record(make_run())
    assert list(client.search_runs([experiment])) == []
