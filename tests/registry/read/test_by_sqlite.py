"""Many vectors and many items: a small copy of ``benchmarks/registry.py``, which measures at full size."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.registry import example, multiply

from steerstack.testing.kit.method import HEAVY
from steerstack_registry.access.connection import reaching
from steerstack_registry.read import by_sqlite, listing
from steerstack_registry.read.by_client import ClientSource
from steerstack_registry.read.rows import rows
from steerstack_registry.write.outbox import record

LOADED = """
import json, sqlite3, sys
from steerstack_registry.recorder import MLflowRecorder
asked, plain = [], sqlite3.connect

class Counted(sqlite3.Connection):
    def execute(self, query, *values):
        asked.append(query)
        return super().execute(query, *values)

sqlite3.connect = lambda *arguments, **options: plain(*arguments, factory=Counted, **options)
rows = MLflowRecorder().list_vectors(tracking_uri=None, limit=100)
print(json.dumps([len(rows), len(asked), [name for name in sys.argv[1:] if name in sys.modules]]))
"""

KILLED = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA cache_size = 1")
db.execute("UPDATE model_version_tags SET value = value || 'half'")
os._exit(9)
"""


@pytest.fixture(scope="module")
def one(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one vector."""
    home = tmp_path_factory.mktemp("one")
    file = Path(shutil.copy(empty_store, home / "mlflow.db"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEERSTACK_HOME", str(home))
        record(example(), f"sqlite:///{file}")
    return file


@pytest.fixture
def crowded(one: Path, own_home: Path, request: pytest.FixtureRequest) -> Path:
    """The default store with a thousand names, or as many as the test asks for."""
    own_home.mkdir()
    file = Path(shutil.copy(one, own_home / "mlflow.db"))
    multiply(file, getattr(request, "param", 1000))
    return file


def test_a_list_waits_for_nothing_heavy(crowded: Path) -> None:
    command = [sys.executable, "-c", LOADED, *HEAVY, "sqlalchemy", "httpx"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(process.stdout) == [100, 7, []]  # seven queries, however many vectors there are


@pytest.mark.parametrize("crowded", [150], indirect=True)  # MLflow itself takes 20 ms for each
def test_the_quick_list_is_mlflows_own(crowded: Path) -> None:
    for limit in (7, None):
        with reaching(f"sqlite:///{crowded}") as client:
            client_rows = rows(ClientSource(client), limit)
        quickly = by_sqlite.newest(crowded, limit)
        assert len(quickly) == (limit or 150)
        if limit is None:  # all were made at once: which are the newest is open
            assert sorted(quickly, key=lambda row: row["name"]) == sorted(client_rows, key=lambda row: row["name"])
        else:
            assert all(len(row["effects"]) == 3 for row in [*quickly, *client_rows])


def test_what_a_killed_writer_left_is_put_right_by_mlflow(crowded: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(crowded)], check=False).returncode == 9
    with pytest.raises(sqlite3.OperationalError):
        by_sqlite.newest(crowded, 3)  # it only reads
    assert len(listing.list_vectors(limit=3)) == 3
    assert len(by_sqlite.newest(crowded, 3)) == 3
