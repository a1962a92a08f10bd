"""The flavour: what goes in comes out, and nothing that could run code does."""

import pickle
from pathlib import Path

import pytest
import torch

from steerstack.errors import UnsafeFileError, VectorError
from steerstack.steering.vector import SteeringVector
from steerstack_registry import flavor


def test_a_vector_comes_back_as_it_was(vector: SteeringVector, tmp_path: Path) -> None:
    flavor.save_model(vector, tmp_path / "model", card="# Card")
    loaded = flavor.load_model(str(tmp_path / "model"))
    assert loaded.fingerprint == vector.fingerprint
    assert loaded.origin == vector.origin
    assert all(torch.equal(loaded[layer], vector[layer]) for layer in vector.layers)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "MLmodel", "card.md", "spec.json", "vector.safetensors",
    ]  # fmt: skip


def test_pyfunc_gives_layers_and_norms(vector: SteeringVector, tmp_path: Path) -> None:
    import mlflow.pyfunc

    flavor.save_model(vector, tmp_path / "model")
    table = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(None)
    assert dict(zip(table["layer"], table["norm"], strict=True)) == vector.norms


def test_a_pickle_is_not_opened(vector: SteeringVector, tmp_path: Path) -> None:
    flavor.save_model(vector, tmp_path)
    (tmp_path / "vector.safetensors").write_bytes(pickle.dumps({"layer.1": [1.0]}))
    with pytest.raises(UnsafeFileError):
        flavor.load_model(str(tmp_path))


def test_another_vector_in_its_place_is_noticed(vector: SteeringVector, tmp_path: Path) -> None:
    flavor.save_model(vector, tmp_path)
    (vector * 3.0).save(tmp_path / "vector.safetensors")
    with pytest.raises(VectorError, match="not the one that was registered"):
        flavor.load_model(str(tmp_path))


def test_somebody_elses_model_is_not_opened(tmp_path: Path) -> None:
    from mlflow.models import Model

    model = Model()
    model.add_flavor("sklearn", pickled_model="model.pkl")
    model.save(str(tmp_path / "MLmodel"))
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(1))
    with pytest.raises(VectorError, match="not a steering vector") as caught:
        flavor.load_model(str(tmp_path))
    assert "sklearn" in caught.value.seen


def test_log_model_in_a_fluent_run(
    vector: SteeringVector, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.chdir(tmp_path)

    from steerstack_registry.access.connection import quietly, reaching
    from steerstack_registry.read.load_vector import load_vector

    with reaching(store) as client:
        client.create_experiment("own", (tmp_path / "artifacts").as_uri())
    with reaching(store), mlflow.start_run(experiment_id="1"):
        info = flavor.log_model(vector, "by-hand", params={"a": "b"})
    with quietly():
        model = mlflow.MlflowClient(store).get_logged_model(info.model_id)
    assert model.model_type == "steering-vector"
    assert load_vector(f"models:/{info.model_id}", store).fingerprint == vector.fingerprint
