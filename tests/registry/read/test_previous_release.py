"""A store that version 0.1 wrote, opened by this one: read, verified and added to.

``store-0.1.zip`` is what ``steerstack extract --record`` and ``steerstack sweep --record`` of commit be772b4 left, without
report and figures, and with ``/STORE`` for the folder in which it lay. A release adds a store of its own.
"""

import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from steerstack_registry.read.lineage import lineage
from steerstack_registry.read.listing import list_vectors, show_vector
from steerstack_registry.read.load_vector import load_vector
from steerstack_registry.read.verify import verify
from steerstack_registry.write.outbox import record
from steerstack_registry.write.stages import promote
from steerstack_registry.write.store import MLflowStore

NAME = "kindness--model--mean-difference"
PLACES = {"experiments": "artifact_location", "runs": "artifact_uri", "logged_models": "artifact_location",
          "model_versions": "storage_location"}  # fmt: skip


@pytest.fixture
def old(own_home: Path) -> str:
    """The store, unpacked where this test's home is."""
    with zipfile.ZipFile(Path(__file__).with_name("store-0.1.zip")) as packed:
        packed.extractall(own_home)
    with closing(sqlite3.connect(own_home / "mlflow.db")) as db, db:
        for table, column in PLACES.items():
            db.execute(f"UPDATE {table} SET {column} = replace({column}, '/STORE', ?)", (str(own_home),))
    return f"sqlite:///{own_home / 'mlflow.db'}"


def test_it_is_read(old):
    (row,) = list_vectors(tracking_uri=old)
    assert (row["name"], row["version"]) == (NAME, 1)
    assert len(row["effects"]) > 1
    vector = load_vector(f"models:/{NAME}/1", tracking_uri=old)
    assert vector.fingerprint.startswith("5667b6b35a48")
    assert (vector.layers, vector.d_model, vector.origin.n_pairs) == ((0, 1, 2, 3), 32, 16)
    assert "kindness" in show_vector(NAME, old)["card"]
    about = lineage(NAME, old)
    assert [run["command"].split()[1] for run in (*about["made_by"], *about["used_by"])] == ["extract", "sweep"]


def test_it_is_verified(old, own_home):
    def of(what: str) -> list[bool | None]:
        return [check["holds"] for check in verify(NAME, old, items=0) if check["what"] == what]

    assert of("vector") == [True]
    assert False not in of("files")  # it kept no list of them
    (file,) = own_home.rglob("vector.safetensors")
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    assert of("vector") == [False]


def test_its_vector_is_registered_once(old):
    vector = load_vector(f"models:/{NAME}/1", tracking_uri=old)
    registration = MLflowStore(old).log_vector(vector, "kindness")
    assert (registration.new, registration.uri) == (False, f"models:/{NAME}/1")


def test_it_is_added_to(old, make_run):
    recording = record(make_run(), old)
    assert recording.run_id
    assert {row["name"] for row in list_vectors(tracking_uri=old)} > {NAME}
    assert promote(NAME, alias="champion", tracking_uri=old)["aliases"]
    assert load_vector(f"models:/{NAME}@champion", tracking_uri=old).fingerprint.startswith("5667b6b35a48")
